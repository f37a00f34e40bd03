//! Answers in parts: models that give their answer piece by piece, as a language model does.

use std::time::{Duration, Instant};

use runtimes::{Column, Frame, Values};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use types::{Actor, Fault as _, Uid, new_id};

use crate::infer::{self, Request};
use crate::record::keep_if_there_is_room;
use crate::traced::{self, Timing};
use crate::{Error, Select, Serving};

/// Parts that wait for a slow reader; the model waits beyond, and for one part no longer than this.
const WAITING: usize = 16;
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an answer that are recorded; what comes later is left out.
const MOST_RECORDED: usize = 1 << 20;

/// An answer that is on its way.
pub struct Streaming {
    /// Each part as JSON, in order. After an error nothing comes any more.
    pub parts: mpsc::Receiver<Result<String, Error>>,
    /// Under this the prediction is in the log when it has ended.
    pub id: Uid,
    pub model: String,
    pub version: i64,
    pub variant: String,
}

impl Serving {
    /// Whether the variant that would most likely be asked answers in parts. Errors: like [`Serving::target`].
    pub fn streams(&self, actor: &Actor, endpoint: &str, select: Select<'_>) -> Result<bool, Error> {
        Ok(self.target(actor, endpoint, select)?.model.model.streams())
    }

    /// Predicts one row, and gives the answer in parts as the model makes them. It is logged when it has ended, with the parts
    /// that were made; a reader that leaves, or does not read for long, ends the model's work. Shadows, caches and batches
    /// know no parts.
    ///
    /// Errors: like [`Serving::infer`] before the first part; `NotInParts`.
    pub async fn stream(&self, actor: &Actor, request: Request<'_>) -> Result<Streaming, Error> {
        let start = Instant::now();
        let mut span = traced::begin(request.endpoint);
        let endpoint = self.endpoint(actor.workspace, request.endpoint)?;
        let now = self.0.ledger.clock().now();
        let target = endpoint.target(request.select, request.routing_key)?;
        if !target.model.model.streams() {
            return Err(Error::NotInParts { endpoint: request.endpoint.to_owned() });
        }
        endpoint.guard.admit(&endpoint.settings, actor, &endpoint.revision.endpoint, 1, now)?;
        let rows = infer::rows(&request.input)?;
        if rows != 1 {
            return Err(Error::NotOneRow { rows });
        }
        let params = target.model.params.enforce(request.params.as_ref())?;
        let checker = endpoint.checker(target.variant).map(|checker| &**checker);
        let (tensors, logged, noticed) = infer::prepared(&target.model, checker, request.input, rows)?;
        let id = new_id(now);
        let (sender, parts) = mpsc::channel(WAITING);
        let streaming = Streaming {
            parts,
            id,
            model: target.model.model_name.clone(),
            version: target.model.number,
            variant: target.name().to_owned(),
        };
        let (serving, actor, handle) = (self.clone(), actor.clone(), Handle::current());
        let work = move || {
            let (mut whole, mut bytes) = (Vec::new(), 0);
            let mut each = |part: String| {
                bytes += part.len();
                if bytes <= MOST_RECORDED {
                    whole.push(part.clone());
                }
                handle.block_on(sender.send_timeout(Ok(part), PATIENCE)).is_ok()
            };
            let started = Instant::now();
            let ran = target.model.running().model.stream(&tensors, &params, &mut each);
            let failed = ran.is_err();
            let timing = Timing { came: Some(start), started, ended: Instant::now(), requests: 1 };
            traced::ran(span.as_ref(), &target, Some(timing));
            traced::about(span.as_mut(), &target, Some(timing), 1);
            if let Some(span) = &mut span {
                span.set("mlwright.prediction.id", id.hex());
                if let Err(error) = &ran {
                    span.fail(traced::word(error.class()), error.to_string());
                }
            }
            endpoint.stats.count(now, start.elapsed(), failed);
            if let Some(stats) = endpoint.variant_stats.get(target.variant) {
                stats.count(now, start.elapsed(), failed);
            }
            if let Some(meter) = endpoint.meters.get(target.variant) {
                meter.count(1, start.elapsed(), failed);
            }
            match ran {
                Ok(()) => {
                    let values = Values::Text(vec![Some(whole_of(&whole))]);
                    let outputs = Frame { columns: vec![Column { name: "answer".into(), values }], rows: 1 };
                    let logged = (params, logged, outputs);
                    let batch = infer::batch(&actor, &target, &[id], now, start, logged, noticed.flags);
                    keep_if_there_is_room(serving.log(), &endpoint.settings.record, batch);
                }
                // Nobody may be there any more.
                Err(error) => drop(handle.block_on(sender.send_timeout(Err(error.into()), PATIENCE))),
            }
        };
        tokio::task::spawn_blocking(work);
        Ok(streaming)
    }
}

/// One text: parts that are texts, one after the other; others as a list.
fn whole_of(parts: &[String]) -> String {
    let texts: Option<Vec<String>> =
        parts.iter().map(|part| serde_json::from_str::<String>(part).ok()).collect();
    match texts {
        Some(texts) => texts.concat(),
        None => format!("[{}]", parts.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_one_text_and_other_parts_a_list() {
        let parts = |list: &[&str]| list.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
        assert_eq!(whole_of(&parts(&["\"Once \"", "\"upon\""])), "Once upon");
        assert_eq!(whole_of(&parts(&["{\"a\":1}", "2"])), "[{\"a\":1},2]");
        assert_eq!(whole_of(&[]), "");
    }
}
