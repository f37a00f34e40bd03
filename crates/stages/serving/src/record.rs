//! What of a prediction is recorded: a sample, without columns that are left out, with personal data taken out.

use std::sync::OnceLock;

use curation::Mask;
use predictions::{Batch, Log};
use runtimes::json::Json;
use runtimes::{Column, Frame, Params, Values};
use serde::{Deserialize, Serialize};
use types::DataType;

use crate::checks::REVIEW;
use crate::{Error, Serving};

/// How an endpoint's predictions are recorded; by default all of them, as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordSettings {
    /// The share of requests that is recorded, by chance. A prediction that is not has an id all the same, and takes no label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<f64>,
    /// Answer only once the record is on disk, and fail the request if it cannot be stored; as `predictions.durable` says if
    /// absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durable: Option<bool>,
    /// Columns of inputs and outputs that are not recorded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leave_out: Vec<String>,
    /// Columns whose values are not recorded: texts become `<masked>`, others missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mask: Vec<String>,
    /// Values that look like personal data become signs such as `<email>`, and so does all of a column whose name says so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mask_personal_data: bool,
}

impl RecordSettings {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.sample.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return Err("record.sample is a share from 0 to 1");
        }
        if self.durable == Some(true) && self.sample == Some(0.0) {
            return Err("record.durable makes no sense where record.sample is 0");
        }
        Ok(())
    }

    /// Whether this request is among those that are recorded: those of the sample, and those that people are to look at.
    pub(crate) fn takes(&self, point: f64, flags: &[Vec<String>]) -> bool {
        let for_people = || flags.iter().flatten().any(|flag| flag == REVIEW);
        self.sample.is_none_or(|share| point < share) || for_people()
    }

    /// The batch as it may be recorded.
    pub(crate) fn apply(&self, mut batch: Batch) -> Batch {
        if self.leave_out.is_empty() && self.mask.is_empty() && !self.mask_personal_data {
            return batch;
        }
        self.clean_params(&mut batch.params);
        self.clean(&mut batch.inputs);
        self.clean(&mut batch.outputs);
        batch
    }

    /// Params go by their names, as columns do.
    fn clean_params(&self, params: &mut Params) {
        let mask = self.mask_personal_data.then(mask).flatten();
        params.retain(|name, value| {
            if self.leave_out.iter().any(|left| left == name) {
                return false;
            }
            let hidden =
                self.mask.iter().any(|masked| masked == name) || (self.mask_personal_data && mask.is_none());
            match mask {
                _ if hidden => *value = Json::Text("<masked>".into()),
                Some(mask) => match mask.column(name, DataType::String) {
                    Some(sign) => *value = Json::Text(sign.into()),
                    None => without_persons_inside(mask, value),
                },
                None => {}
            }
            true
        });
    }

    fn clean(&self, frame: &mut Frame) {
        frame.columns.retain(|column| !self.leave_out.iter().any(|name| **name == *column.name));
        let mask = self.mask_personal_data.then(mask).flatten();
        for column in &mut frame.columns {
            if self.mask.iter().any(|name| **name == *column.name) {
                hide(column, "<masked>");
            } else if self.mask_personal_data {
                match mask {
                    Some(mask) => without_persons(mask, column),
                    // Never as it is, where it was asked for.
                    None => hide(column, "<masked>"),
                }
            }
        }
    }
}

impl Serving {
    /// Records what the settings say of a batch. Errors: a durable record could not be stored.
    pub(crate) async fn keep(&self, settings: &RecordSettings, batch: Batch) -> Result<(), Error> {
        if !settings.durable.unwrap_or(self.0.config.durable_log) {
            keep_if_there_is_room(&self.0.log, settings, batch);
            return Ok(());
        }
        if settings.takes(rand::random(), &batch.flags) {
            self.0.log.record_durable(settings.apply(batch)).await?;
        }
        Ok(())
    }
}

/// Records without waiting; what finds no room is counted.
pub(crate) fn keep_if_there_is_room(log: &Log, settings: &RecordSettings, batch: Batch) {
    if !settings.takes(rand::random(), &batch.flags) {
        return;
    }
    let rows = batch.ids.len() as u64;
    if !log.record(settings.apply(batch)) {
        metrics::counter!("mlwright_predictions_dropped_total").increment(rows);
    }
}

/// `None` only if its patterns do not compile.
fn mask() -> Option<&'static Mask> {
    static MASK: OnceLock<Option<Mask>> = OnceLock::new();
    MASK.get_or_init(|| Mask::new().ok()).as_ref()
}

fn hide(column: &mut Column, sign: &str) {
    match &mut column.values {
        Values::Float(v) => v.fill(f64::NAN),
        Values::Integer(v) => v.fill(None),
        Values::Boolean(v) => v.fill(None),
        Values::Text(v) => v.iter_mut().flatten().for_each(|text| sign.clone_into(text)),
    }
}

fn without_persons(mask: &Mask, column: &mut Column) {
    let kind = match &column.values {
        Values::Float(_) => DataType::Float,
        Values::Integer(_) => DataType::Integer,
        Values::Boolean(_) => DataType::Boolean,
        Values::Text(_) => DataType::String,
    };
    if let Some(sign) = mask.column(&column.name, kind) {
        return hide(column, sign);
    }
    match &mut column.values {
        Values::Text(values) => {
            for text in values.iter_mut().flatten() {
                let masked = mask.text(text);
                if masked != *text {
                    *text = masked.into_owned();
                }
            }
        }
        Values::Integer(values) => {
            values.iter_mut().filter(|v| v.is_some_and(|n| mask.is_personal(n))).for_each(|v| *v = None);
        }
        Values::Float(_) | Values::Boolean(_) => {}
    }
}

/// The texts in a param, whatever it is made of.
fn without_persons_inside(mask: &Mask, value: &mut Json) {
    match value {
        Json::Text(text) => *text = mask.text(text).into_owned(),
        Json::Int(number) if mask.is_personal(*number) => *value = Json::Null,
        Json::List(items) => items.iter_mut().for_each(|item| without_persons_inside(mask, item)),
        Json::Object(fields) => fields.iter_mut().for_each(|(_, item)| without_persons_inside(mask, item)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        let column = |name: &str, values| Column { name: name.into(), values };
        Frame::new(vec![
            column("note", Values::Text(vec![Some("mail ann@example.org".into()), None])),
            column("last_name", Values::Text(vec![Some("Lovelace".into()), Some("Hopper".into())])),
            column("address", Values::Text(vec![Some("10.0.0.1".into()), Some("x".into())])),
            column("card", Values::Integer(vec![Some(4_111_111_111_111_111), Some(7)])),
            column("radius", Values::Float(vec![1.5, 2.5])),
            column("secret", Values::Float(vec![1.0, 2.0])),
        ])
        .unwrap()
    }

    #[test]
    fn columns_are_left_out_and_masked_and_persons_taken_out() {
        let settings = RecordSettings {
            leave_out: vec!["radius".into()],
            mask: vec!["secret".into()],
            mask_personal_data: true,
            ..RecordSettings::default()
        };
        let mut frame = frame();
        settings.clean(&mut frame);
        let text = |values: [Option<&str>; 2]| Values::Text(values.map(|v| v.map(str::to_owned)).to_vec());
        assert_eq!(frame.names().collect::<Vec<_>>(), ["note", "last_name", "address", "card", "secret"]);
        let of = |name: &str| frame.column(name).unwrap().values.clone();
        assert_eq!(of("note"), text([Some("mail <email>"), None]));
        assert_eq!(of("last_name"), text([Some("<name>"), Some("<name>")]));
        assert_eq!(of("address"), text([Some("<address>"), Some("<address>")]));
        assert_eq!(of("card"), Values::Integer(vec![None, Some(7)]));
        assert!(matches!(of("secret"), Values::Float(v) if v.iter().all(|x| x.is_nan())));
    }

    #[test]
    fn params_are_left_out_and_masked_by_their_names() {
        let settings = RecordSettings {
            leave_out: vec!["seed".into()],
            mask: vec!["secret".into()],
            mask_personal_data: true,
            ..RecordSettings::default()
        };
        let told =
            r#"{"seed":7,"secret":"x","prompt":["mail ann@example.org",{"n":4111111111111111}],"t":0.5}"#;
        let mut params = Params::parse(told).unwrap();
        settings.clean_params(&mut params);
        let kept = r#"{"secret":"<masked>","prompt":["mail <email>",{"n":null}],"t":0.5}"#;
        assert_eq!(params.text().unwrap(), kept);
    }

    #[test]
    fn a_whole_address_of_the_network_is_masked_too() {
        let settings = RecordSettings { mask_personal_data: true, ..RecordSettings::default() };
        let mut frame = Frame::new(vec![Column {
            name: "from".into(),
            values: Values::Text(vec![Some("::1".into()), Some("10.0.0.1".into())]),
        }])
        .unwrap();
        settings.clean(&mut frame);
        assert_eq!(frame.columns[0].values, Values::Text(vec![Some("<ip_address>".into()); 2]));
    }

    #[test]
    fn a_sample_takes_its_share() {
        let settings = RecordSettings { sample: Some(0.25), ..RecordSettings::default() };
        assert!(settings.takes(0.2, &[]) && !settings.takes(0.25, &[]) && !settings.takes(0.9, &[]));
        assert!(RecordSettings::default().takes(0.999, &[]));
        let flags = |flag: &str| [vec![], vec![flag.to_owned()]];
        assert!(settings.takes(0.9, &flags(REVIEW)) && !settings.takes(0.9, &flags("novelty")));
        assert!(RecordSettings { sample: Some(1.5), ..RecordSettings::default() }.check().is_err());
        assert!(RecordSettings { sample: Some(f64::NAN), ..RecordSettings::default() }.check().is_err());
    }
}
