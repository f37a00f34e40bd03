use types::{Actor, Role, WorkspaceId};

use crate::chain::{ChainReport, Draft, Event, Head};
use crate::db::{Connection, Insert};
use crate::{Error, Ledger, Row, Tx, params};

/// The end of the sealed chain.
pub(crate) fn head(connection: &mut Connection) -> Result<Head, Error> {
    let rows = connection.query(
        "SELECT position, hash FROM event WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1",
        &[],
    )?;
    match rows.first() {
        Some(row) => Ok(Head { position: row.get("position")?, hash: row.get("hash")? }),
        None => Ok(Head::START),
    }
}

const INTO: Insert<'_> = Insert {
    table: "event",
    columns: &[
        ("position", "BIGINT"),
        ("workspace_id", "BIGINT"),
        ("at", "BIGINT"),
        ("actor", "TEXT"),
        ("kind", "TEXT"),
        ("version", "BIGINT"),
        ("subject", "TEXT"),
        ("payload", "TEXT"),
        ("hash", "TEXT"),
    ],
    tail: "",
};

/// Adds the events of a group of changes. SQLite has one writer, so they get their positions at once, inside the commit;
/// on PostgreSQL they wait for [`seal`].
pub(crate) fn insert(connection: &mut Connection, head: Head, drafts: Vec<Draft>) -> Result<Head, Error> {
    let mut head = head;
    let seal_later = connection.is_postgres();
    let mut values = Vec::with_capacity(drafts.len() * INTO.columns.len());
    for draft in drafts {
        let (position, hash) = if seal_later {
            (None, None)
        } else {
            head = draft.hash_after(&head);
            (Some(head.position), Some(head.hash))
        };
        let Draft { workspace, at, actor, kind, version, subject, payload } = draft;
        values.extend(params![position, workspace, at, actor, kind, version, subject, payload, hash]);
    }
    connection.insert(&INTO, &values)?;
    Ok(head)
}

/// Gives positions to committed events, in the order of their ids as far as they are visible. An advisory lock,
/// held to the end of the transaction, makes this the only sealer; an event that commits late comes later in the
/// order, so that no cursor can pass it by. Returns the last sealed position, and whether this was the sealer.
pub(crate) fn seal(connection: &mut Connection) -> Result<(i64, bool), Error> {
    loop {
        connection.batch("BEGIN ISOLATION LEVEL READ COMMITTED")?;
        let mine: bool = connection
            .query("SELECT pg_try_advisory_xact_lock(7162) AS mine", &[])?
            .first()
            .map_or(Ok(false), |row| row.get("mine"))?;
        let mut head = head(connection)?;
        let mut sealed = 0;
        if mine {
            let rows = connection.query(
                "SELECT id, workspace_id, at, actor, kind, version, subject, payload FROM event \
                 WHERE position IS NULL ORDER BY id LIMIT 1000",
                &[],
            )?;
            sealed = rows.len();
            let mut places = Vec::with_capacity(3 * sealed);
            for row in rows {
                head = Draft::from_row(&row)?.hash_after(&head);
                places.extend(params![head.position, head.hash, row.get::<i64>("id")?]);
            }
            if sealed > 0 {
                connection.execute_arrays(
                    "UPDATE event SET position = v.position, hash = v.hash FROM \
                     unnest(CAST($1 AS BIGINT[]), CAST($2 AS TEXT[]), CAST($3 AS BIGINT[])) AS v (position, hash, id) \
                     WHERE event.id = v.id",
                    3,
                    &places,
                )?;
            }
        }
        connection.batch("COMMIT")?;
        if sealed < 1000 {
            return Ok((head.position, mine));
        }
    }
}

pub(crate) fn any_guard(connection: &mut Connection) -> Result<bool, Error> {
    Ok(!connection.query("SELECT id FROM guard LIMIT 1", &[])?.is_empty())
}

fn event(row: &Row) -> Result<Event, Error> {
    Ok(Event {
        position: row.get("position")?,
        at: row.get("at")?,
        workspace: row.get("workspace_id")?,
        actor: row.get("actor")?,
        kind: row.get("kind")?,
        version: row.get("version")?,
        subject: row.get("subject")?,
        payload: row.get("payload")?,
        hash: row.get("hash")?,
    })
}

const COLUMNS: &str = "position, at, workspace_id, actor, kind, version, subject, payload, hash";

impl Tx<'_> {
    /// Refuses the transition unless the actor's role reaches what its guards ask for.
    pub(crate) fn check_guards(&mut self, transition: &str, subject: &str) -> Result<(), Error> {
        let workspace = self.workspace();
        let guards = self.query(
            "SELECT least_role FROM guard WHERE workspace_id = $1 AND transition = $2 AND subject IN ($3, '*')",
            &params![workspace, transition, subject],
        )?;
        for row in guards {
            let least: String = row.get("least_role")?;
            let actor = self.actor();
            if least.parse::<Role>().is_ok_and(|least| actor.role < least) {
                return Err(Error::Guarded {
                    transition: transition.to_owned(),
                    subject: subject.to_owned(),
                    least,
                    actor: actor.to_string(),
                    role: actor.role.to_string(),
                });
            }
        }
        Ok(())
    }
}

impl Ledger {
    /// Sealed events after `position`, oldest first.
    pub async fn events_after(&self, position: i64, limit: i64) -> Result<Vec<Event>, Error> {
        self.read(WorkspaceId::DEFAULT, move |rx| {
            let sql = format!("SELECT {COLUMNS} FROM event WHERE position > $1 ORDER BY position LIMIT $2");
            rx.query(&sql, &params![position, limit])?.iter().map(event).collect()
        })
        .await
    }

    /// Sealed events of a workspace before `position` (or the newest), newest first, whose kind starts with `kind`.
    pub async fn events_before(
        &self,
        workspace: WorkspaceId,
        position: Option<i64>,
        kind: &str,
        limit: i64,
    ) -> Result<Vec<Event>, Error> {
        let kind = kind.to_owned();
        self.read(workspace, move |rx| {
            let sql = format!(
                "SELECT {COLUMNS} FROM event WHERE workspace_id = $1 AND position < $2 \
                 AND substr(kind, 1, $3) = $4 ORDER BY position DESC LIMIT $5"
            );
            let length = kind.chars().count() as i32;
            let values = params![workspace, position.unwrap_or(i64::MAX), length, &kind, limit];
            rx.query(&sql, &values)?.iter().map(event).collect()
        })
        .await
    }

    /// Events about one subject, oldest first.
    pub async fn events_of(&self, workspace: WorkspaceId, subject: &str) -> Result<Vec<Event>, Error> {
        let subject = subject.to_owned();
        self.read(workspace, move |rx| {
            let sql = format!(
                "SELECT {COLUMNS} FROM event WHERE workspace_id = $1 AND subject = $2 \
                 AND position IS NOT NULL ORDER BY position LIMIT 1000"
            );
            rx.query(&sql, &params![workspace, &subject])?.iter().map(event).collect()
        })
        .await
    }

    /// How far the subscription `name` has got; 0 if it is new.
    pub async fn cursor(&self, name: &str) -> Result<i64, Error> {
        let name = name.to_owned();
        self.read(WorkspaceId::DEFAULT, move |rx| {
            rx.query_opt(
                "SELECT position FROM event_cursor WHERE workspace_id = $1 AND name = $2",
                &params![WorkspaceId::DEFAULT, &name],
            )?
            .map_or(Ok(0), |row| row.get("position"))
        })
        .await
    }

    /// Moves the subscription `name` forward; never back.
    pub async fn advance_cursor(&self, name: &str, position: i64) -> Result<(), Error> {
        let name = name.to_owned();
        self.record(&Actor::system("cursor"), move |tx| {
            tx.execute(
                "INSERT INTO event_cursor (workspace_id, name, position) VALUES ($1, $2, $3) \
                 ON CONFLICT (workspace_id, name) DO UPDATE SET position = excluded.position \
                 WHERE excluded.position > event_cursor.position",
                &params![WorkspaceId::DEFAULT, &name, position],
            )?;
            Ok(())
        })
        .await
    }

    /// Computes every hash again. Errors: `BrokenChain` at the first event that does not fit.
    pub async fn verify_chain(&self) -> Result<ChainReport, Error> {
        let mut head = Head::START;
        loop {
            let position = head.position;
            let rows = self
                .read(WorkspaceId::DEFAULT, move |rx| {
                    let sql = format!(
                        "SELECT {COLUMNS} FROM event WHERE position > $1 ORDER BY position LIMIT 5000"
                    );
                    rx.query(&sql, &params![position])
                })
                .await?;
            if rows.is_empty() {
                return Ok(ChainReport { events: head.position, head: head.hash });
            }
            for row in rows {
                let found: i64 = row.get("position")?;
                let broken = |reason: &str| Error::BrokenChain { position: found, reason: reason.into() };
                let next = Draft::from_row(&row)?.hash_after(&head);
                if next.position != found {
                    return Err(broken("positions have a gap before it"));
                }
                if next.hash != row.get("hash")? {
                    return Err(broken("its hash does not match its content"));
                }
                head = next;
            }
        }
    }

    /// Asks for at least `least` before `transition` (an event kind) may happen to `subject` (`*` for all).
    pub async fn set_guard(
        &self,
        actor: &Actor,
        transition: &str,
        subject: &str,
        least: Role,
    ) -> Result<(), Error> {
        let (transition, subject) = (transition.to_owned(), subject.to_owned());
        self.write(actor, move |tx| {
            let (workspace, now) = (tx.workspace(), tx.now());
            tx.execute(
                "INSERT INTO guard (workspace_id, transition, subject, least_role, created_at) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace_id, transition, subject) \
                 DO UPDATE SET least_role = excluded.least_role",
                &params![workspace, &transition, &subject, least.to_string(), now],
            )?;
            tx.event(
                "guard.set",
                &format!("guard:{transition}"),
                serde_json::json!({ "subject": subject, "least_role": least }),
            )
        })
        .await?;
        self.0.writer.guarded.store(true, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }
}
