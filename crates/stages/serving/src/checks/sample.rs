//! Predictions that a person looks at although nothing is odd about their inputs.

use runtimes::{Frame, Values};

use super::checker::{Checker, Noticed, REVIEW};

/// What outputs with probabilities are called by those who write models.
const NAMES: [&str; 4] = ["probability", "probabilities", "output_probability", "output_probabilities"];

impl Checker {
    /// Adds those that are drawn, and those that the model is not sure of.
    pub(crate) fn choose(&self, outputs: &Frame, noticed: &mut Noticed) {
        let checks = self.checks();
        if checks.sample <= 0.0 && checks.low_confidence.is_none() {
            return;
        }
        let probabilities = probabilities(outputs, checks.probability.as_deref());
        for row in 0..outputs.rows {
            let unsure = checks.low_confidence.is_some_and(|least| {
                confidence(&probabilities, row).is_some_and(|confidence| confidence < least)
            });
            if unsure {
                add(noticed, outputs.rows, row, "low_confidence");
            }
            if checks.sample > 0.0 && rand::random::<f64>() < checks.sample {
                add(noticed, outputs.rows, row, "sampled");
            }
        }
    }
}

fn add(noticed: &mut Noticed, rows: usize, row: usize, flag: &str) {
    noticed.flags.resize(rows, Vec::new());
    let flags = &mut noticed.flags[row];
    flags.push(flag.to_owned());
    if !flags.iter().any(|f| f == REVIEW) {
        flags.push(REVIEW.to_owned());
    }
}

/// The columns of the output of this name (`name`, or `name_0`, `name_1` …), or of one that is called as probabilities are.
fn probabilities<'f>(outputs: &'f Frame, name: Option<&str>) -> Vec<&'f Values> {
    let of = |stem: &str| -> Vec<&'f Values> {
        let part = |name: &str| {
            let rest = name.strip_prefix(stem);
            rest.is_some_and(|r| {
                r.is_empty() || r.strip_prefix('_').is_some_and(|n| n.parse::<u32>().is_ok())
            })
        };
        let columns = outputs.columns.iter().filter(|c| part(&c.name));
        columns.map(|c| &c.values).filter(|v| matches!(v, Values::Float(_))).collect()
    };
    match name {
        Some(name) => of(name),
        None => NAMES.into_iter().map(of).find(|found| !found.is_empty()).unwrap_or_default(),
    }
}

/// The probability of the likeliest class; of one column, it is the positive class's.
fn confidence(probabilities: &[&Values], row: usize) -> Option<f64> {
    let mut each = probabilities.iter().filter_map(|v| v.number(row));
    let found = match probabilities.len() {
        0 => return None,
        1 => each.next().map(|p| p.max(1.0 - p))?,
        _ => each.fold(f64::NAN, f64::max),
    };
    (0.0..=1.0).contains(&found).then_some(found)
}

#[cfg(test)]
mod tests {
    use runtimes::Column;

    use super::*;
    use crate::Checks;

    fn outputs(columns: &[(&str, &[f64])]) -> Frame {
        let column = |(name, values): &(&str, &[f64])| Column {
            name: (*name).into(),
            values: Values::Float(values.to_vec()),
        };
        Frame::new(columns.iter().map(column).collect()).unwrap()
    }

    fn chosen(checks: Checks, outputs: &Frame) -> Vec<Vec<String>> {
        let mut noticed = Noticed::default();
        Checker::new("e", &checks, Vec::new(), None).choose(outputs, &mut noticed);
        noticed.flags
    }

    #[test]
    fn what_the_model_is_not_sure_of_waits_for_a_person() {
        let unsure = Checks { low_confidence: Some(0.6), ..Checks::default() };
        let binary = outputs(&[("label", &[0.0, 1.0, 0.0]), ("probability", &[0.45, 0.97, 0.02])]);
        let wanted = [vec!["low_confidence", "review"], vec![], vec![]];
        assert_eq!(chosen(unsure.clone(), &binary), wanted);
        let many = outputs(&[("p_0", &[0.2, 0.9]), ("p_1", &[0.5, 0.05]), ("p_2", &[0.3, 0.05])]);
        assert!(chosen(unsure.clone(), &many).is_empty(), "nothing says that these are probabilities");
        let named = Checks { probability: Some("p".into()), ..unsure.clone() };
        assert_eq!(chosen(named, &many), [vec!["low_confidence", "review"], vec![]]);
        let odd = outputs(&[("probability", &[f64::NAN, 7.0])]);
        assert!(chosen(unsure, &odd).is_empty());
    }

    #[test]
    fn a_sample_is_drawn_from_all() {
        let rows = outputs(&[("y", &[0.0; 2_000])]);
        assert!(chosen(Checks::default(), &rows).is_empty());
        let all = chosen(Checks { sample: 1.0, ..Checks::default() }, &rows);
        assert!(all.iter().all(|flags| flags == &["sampled", "review"]));
        let some = chosen(Checks { sample: 0.1, ..Checks::default() }, &rows);
        let drawn = some.iter().filter(|flags| !flags.is_empty()).count();
        assert!((100..320).contains(&drawn), "{drawn} of 2000");
    }
}
