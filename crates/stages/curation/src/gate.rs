use blobs::Blobs;
use datasets::{BoxFault, Candidate, Gate, Verdict};
use ledger::Ledger;
use types::Actor;

use crate::check::{checked, verified};
use crate::quarantine::told;
use crate::store::{self, NewCheck};
use crate::{Error, Expectations};

/// Expectations as the gate of a data set. Keeps a report of every candidate, accepted or refused.
pub struct ExpectationGate {
    ledger: Ledger,
    blobs: Blobs,
    actor: Actor,
    expectations: Expectations,
}

impl ExpectationGate {
    /// Checks in the name of `actor`.
    pub fn new(ledger: &Ledger, blobs: &Blobs, actor: &Actor, expectations: Expectations) -> Self {
        Self { ledger: ledger.clone(), blobs: blobs.clone(), actor: actor.clone(), expectations }
    }

    async fn judge(&self, candidate: Candidate) -> Result<Verdict, Error> {
        let Candidate { dataset, digest, table, rows } = candidate;
        let expectations = self.expectations.clone();
        let (mut report, verification, bad) = tokio::task::spawn_blocking(move || {
            let (mut report, bad) = checked(&table, Some(&rows), &expectations)?;
            let verification = verified(&table, Some(&rows), &expectations, &mut report)?;
            let bad =
                if bad.is_empty() { None } else { Some(told(&table, "", Some(&rows), &bad)?.to_parquet()?) };
            Ok::<_, Error>((report, verification, bad))
        })
        .await
        .map_err(|e| Error::Stopped(e.to_string()))??;
        if let Some(bad) = bad {
            report.quarantine = Some(self.blobs.put_bytes(bad).await?);
        }
        let mut text = report.text(&format!("Data for `{dataset}`"));
        let report_digest = self.blobs.put_bytes(json(&report)?).await?;
        let verified = match &verification {
            Some(verification) => {
                text.push('\n');
                text.push_str(&verification.text("Verification"));
                let digest = self.blobs.put_bytes(json(verification)?).await?;
                Some((digest, verification.verdict, verification.level))
            }
            None => None,
        };
        let text_digest = self.blobs.put_bytes(text.clone()).await?;
        let expectations_digest = self.blobs.put_bytes(json(&self.expectations)?).await?;
        let verdict =
            Verdict { passed: report.passed, summary: report.summary(), text, report: report_digest };
        let quarantine = report.quarantine;
        let new = NewCheck {
            dataset,
            candidate: digest,
            passed: report.passed,
            summary: verdict.summary.clone(),
            checks: report.checks.len(),
            failed: report.failed().count(),
            rows: report.rows as i64,
            report: report_digest,
            text: text_digest,
            expectations: expectations_digest,
        };
        self.ledger
            .write(&self.actor, move |tx| {
                store::insert(tx, &new)?;
                let kind = if new.passed { "data.accepted" } else { "data.rejected" };
                let payload = serde_json::json!({
                    "dataset": new.dataset, "candidate": new.candidate, "report": new.report,
                    "checks": new.checks, "failed": new.failed, "rows": new.rows, "quarantine": quarantine,
                });
                tx.event(kind, &format!("dataset:{}", new.dataset), payload)?;
                if let Some((digest, verdict, level)) = verified {
                    // The version, once there is one, finds it by the digest of its report.
                    let props = serde_json::json!({
                        "verification": digest, "verdict": verdict, "level": level, "candidate": new.candidate,
                    });
                    tx.node("verification", &new.report.to_string(), props.clone())?;
                    tx.event("data.verified", &format!("dataset:{}", new.dataset), props)?;
                }
                Ok::<_, Error>(())
            })
            .await?;
        Ok(verdict)
    }
}

#[async_trait::async_trait]
impl Gate for ExpectationGate {
    async fn check(&self, candidate: Candidate) -> Result<Verdict, BoxFault> {
        self.judge(candidate).await.map_err(|e| Box::new(e) as BoxFault)
    }
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|e| Error::Stopped(e.to_string()))
}
