use std::time::Duration;

use types::Actor;

use crate::{Error, Ledger, params};

/// The right to be the only one doing something, until it expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub name: String,
    pub holder: String,
    /// Grows with every change of holder: what an old holder still sends can be told apart.
    pub fence: i64,
}

impl Ledger {
    /// Takes or renews the lease `name` for `holder`; `None` while somebody else has it.
    pub async fn lease(&self, name: &str, holder: &str, ttl: Duration) -> Result<Option<Lease>, Error> {
        let (name, holder) = (name.to_owned(), holder.to_owned());
        self.record(&Actor::system("lease"), move |tx| {
            let now = tx.now();
            let until = types::Timestamp(now.0.saturating_add(ttl.as_micros() as i64));
            let row = tx.query_opt(
                "INSERT INTO lease (workspace_id, name, holder, fence, until) VALUES (1, $1, $2, 1, $3) \
                 ON CONFLICT (workspace_id, name) DO UPDATE SET \
                 fence = CASE WHEN lease.holder = excluded.holder THEN lease.fence ELSE lease.fence + 1 END, \
                 holder = excluded.holder, until = excluded.until \
                 WHERE lease.holder = excluded.holder OR lease.until < $4 RETURNING fence",
                &params![&name, &holder, until, now],
            )?;
            row.map(|row| Ok(Lease { name: name.clone(), holder: holder.clone(), fence: row.get("fence")? }))
                .transpose()
        })
        .await
    }
}
