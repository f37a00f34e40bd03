use std::collections::HashMap;

use serde_json::Value;
use types::{Actor, Timestamp};

use crate::store::{self, Taken};
use crate::{Error, Labelled, Labelling, Log, NewLabel, Window};

impl Log {
    /// Tells what really happened. Telling the same again changes nothing; another value replaces the old one.
    /// Unknown predictions are reported, the others are taken.
    ///
    /// Errors: `BadLabel` if one is null, a list or an object; then none is taken.
    pub async fn label(&self, actor: &Actor, labels: Vec<NewLabel>) -> Result<Labelling, Error> {
        for (index, label) in labels.iter().enumerate() {
            let message = match label.label {
                Value::Null => "the label is null",
                Value::Array(_) | Value::Object(_) => "the label is a list or an object",
                _ => continue,
            };
            return Err(Error::BadLabel { index, message });
        }
        let ids: Vec<_> = labels.iter().map(|l| l.prediction_id).collect();
        let known = self.locate_all(actor, &ids).await?;
        self.0
            .ledger
            .record(actor, move |tx| {
                let mut outcome = Labelling::default();
                for label in &labels {
                    let Some((endpoint, at)) = known.get(&label.prediction_id) else {
                        outcome.unknown.push(label.prediction_id);
                        continue;
                    };
                    let observed = label.at.unwrap_or_else(|| tx.now());
                    let taken =
                        store::put_label(tx, label.prediction_id, endpoint, *at, &label.label, observed)?;
                    match taken {
                        Taken::Accepted => outcome.accepted += 1,
                        Taken::Unchanged => outcome.unchanged += 1,
                        Taken::Replaced => outcome.replaced += 1,
                    }
                }
                Ok(outcome)
            })
            .await
    }

    /// How many predictions made since then have a label.
    pub async fn label_count(&self, actor: &Actor, endpoint: &str, since: Timestamp) -> Result<i64, Error> {
        let name = endpoint.to_owned();
        Ok(self.0.ledger.read(actor.workspace, move |rx| store::label_count(rx, &name, since)).await?)
    }

    /// The predictions made since then whose label is known.
    pub async fn labelled(&self, actor: &Actor, endpoint: &str, since: Timestamp) -> Result<Labelled, Error> {
        let name = endpoint.to_owned();
        let known =
            self.0.ledger.read(actor.workspace, move |rx| store::labels_since(rx, &name, since)).await?;
        let known: HashMap<_, _> = known.into_iter().collect();
        let window = Window::Between { from: since, to: Timestamp(i64::MAX) };
        let rows = self.window(actor, endpoint, window).await?;
        let mut keep = Vec::new();
        let mut labels = Vec::new();
        for (row, id) in rows.ids.iter().enumerate() {
            if let Some(label) = known.get(id) {
                keep.push(row);
                labels.push(label.clone());
            }
        }
        Ok(Labelled { rows: rows.take(&keep)?, labels })
    }
}
