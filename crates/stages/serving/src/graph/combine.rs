//! The answers of several models as one.

use runtimes::{ElementType, Error, Tensor, TensorData, TensorSpec};

use super::Combine;
use super::link::{cast, fits};

/// One output of an ensemble, and the name that each member has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Combined {
    pub spec: TensorSpec,
    pub from: Vec<String>,
}

fn is_number(element: ElementType) -> bool {
    matches!(element, ElementType::F16 | ElementType::Bf16 | ElementType::F32 | ElementType::F64)
}

/// Which outputs of the members belong together: those of one name, or the only one of the right kind that each has.
///
/// Errors: there is none, or they differ in shape or type.
pub fn combined(combine: Combine, members: &[&[TensorSpec]]) -> Result<Vec<Combined>, String> {
    let wanted = |spec: &TensorSpec| match combine {
        Combine::Mean | Combine::Weighted => is_number(spec.element),
        Combine::Vote => !is_number(spec.element) && matches!(spec.shape.as_slice(), [_] | [_, 1 | -1]),
    };
    let candidates: Vec<Vec<&TensorSpec>> =
        members.iter().map(|outputs| outputs.iter().filter(|spec| wanted(spec)).collect()).collect();
    let first = candidates.first().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for spec in &first {
        let same: Vec<&TensorSpec> = candidates
            .iter()
            .filter_map(|of| of.iter().find(|other| other.name == spec.name).copied())
            .collect();
        if same.len() == members.len() {
            found.push(together(combine, &same)?);
        }
    }
    if found.is_empty() && candidates.iter().all(|of| of.len() == 1) {
        let only: Vec<&TensorSpec> = candidates.iter().flatten().copied().collect();
        found.push(together(combine, &only)?);
    }
    if found.is_empty() {
        let kind = if combine == Combine::Vote { "labels" } else { "numbers (float32 or float64)" };
        return Err(format!("its members have no output of {kind} in common"));
    }
    Ok(found)
}

fn together(combine: Combine, specs: &[&TensorSpec]) -> Result<Combined, String> {
    let first = specs[0];
    let differs = |spec: &&&TensorSpec| match combine {
        Combine::Vote => spec.element != first.element || !fits(spec, first),
        Combine::Mean | Combine::Weighted => spec.shape.len() != first.shape.len() || !fits(spec, first),
    };
    if let Some(other) = specs.iter().find(differs) {
        return Err(format!(
            "output `{}` is {} {:?} for one member, and `{}` is {} {:?} for another",
            first.name,
            first.element.name(),
            first.shape,
            other.name,
            other.element.name(),
            other.shape
        ));
    }
    let mut spec = first.clone();
    if combine != Combine::Vote {
        let wide = specs.iter().any(|spec| spec.element == ElementType::F64);
        spec.element = if wide { ElementType::F64 } else { ElementType::F32 };
    }
    Ok(Combined { spec, from: specs.iter().map(|spec| spec.name.clone()).collect() })
}

/// One output from the members' answers.
/// Errors: `Run` if a member gave none, or another shape than the others.
pub fn run(
    combine: Combine,
    of: &Combined,
    answers: &[Vec<Tensor>],
    weights: &[f64],
) -> Result<Tensor, Error> {
    let mut tensors = Vec::with_capacity(answers.len());
    for (answer, name) in answers.iter().zip(&of.from) {
        let tensor = answer.iter().find(|tensor| tensor.name == *name);
        tensors.push(tensor.ok_or_else(|| Error::Run(format!("a member gave no `{name}`")))?);
    }
    let Some(first) = tensors.first() else { return Err(Error::Run("an ensemble has no members".into())) };
    if let Some(other) = tensors.iter().find(|t| t.data.len() != first.data.len() || t.rows() != first.rows())
    {
        return Err(Error::Run(format!(
            "the members' `{}` have shapes {:?} and {:?}",
            of.spec.name, first.shape, other.shape
        )));
    }
    let data = match combine {
        Combine::Mean | Combine::Weighted => mean(&tensors, weights, of.spec.element)?,
        Combine::Vote => vote(&tensors, weights)?,
    };
    Ok(Tensor { name: of.spec.name.clone(), shape: first.shape.clone(), data })
}

fn mean(tensors: &[&Tensor], weights: &[f64], element: ElementType) -> Result<TensorData, Error> {
    let mut sums = vec![0.0; tensors.first().map_or(0, |t| t.data.len())];
    for (tensor, weight) in tensors.iter().zip(weights) {
        let values = tensor.data.to_f64().ok_or_else(|| Error::Run("texts have no mean".into()))?;
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
    }
    let total: f64 = weights.iter().sum();
    sums.iter_mut().for_each(|sum| *sum /= total);
    cast(&TensorData::F64(sums), element)
}

/// The label with most weight in each row; of equals the smallest, as scikit-learn's voting has it.
fn vote(tensors: &[&Tensor], weights: &[f64]) -> Result<TensorData, Error> {
    macro_rules! ballot {
        ($($kind:ident),*) => {
            match &tensors[0].data {
                $(TensorData::$kind(first) => {
                    let mut columns = Vec::with_capacity(tensors.len());
                    for tensor in tensors {
                        match &tensor.data {
                            TensorData::$kind(values) => columns.push(values.as_slice()),
                            other => return Err(Error::Run(format!("a member's labels are {}", other.element().name()))),
                        }
                    }
                    TensorData::$kind((0..first.len()).filter_map(|row| winner(&columns, weights, row)).collect())
                })*
                other => return Err(Error::Run(format!("{} are no labels", other.element().name()))),
            }
        };
    }
    Ok(ballot!(Bool, U8, U16, U32, U64, I8, I16, I32, I64, Bytes))
}

fn winner<T: Ord + Clone>(columns: &[&[T]], weights: &[f64], row: usize) -> Option<T> {
    let mut counts: Vec<(&T, f64)> = Vec::with_capacity(columns.len());
    for (column, weight) in columns.iter().zip(weights) {
        let label = column.get(row)?;
        match counts.iter_mut().find(|(known, _)| *known == label) {
            Some((_, count)) => *count += weight,
            None => counts.push((label, *weight)),
        }
    }
    let best = counts.into_iter().max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.cmp(a.0)));
    best.map(|(label, _)| label.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, element: ElementType, shape: &[i64]) -> TensorSpec {
        TensorSpec { name: name.into(), element, shape: shape.to_vec() }
    }

    #[test]
    fn a_mean_takes_numbers_and_a_vote_labels() {
        let one = [spec("label", ElementType::I64, &[-1]), spec("probabilities", ElementType::F32, &[-1, 2])];
        let other =
            [spec("probabilities", ElementType::F64, &[-1, 2]), spec("label", ElementType::I64, &[-1])];
        let mean = combined(Combine::Mean, &[&one, &other]).unwrap();
        assert_eq!(
            mean,
            [Combined {
                spec: spec("probabilities", ElementType::F64, &[-1, 2]),
                from: vec!["probabilities".into(); 2]
            }]
        );
        assert_eq!(combined(Combine::Vote, &[&one, &other]).unwrap()[0].spec.name, "label");
        let texts = [spec("label", ElementType::Bytes, &[-1])];
        assert!(combined(Combine::Vote, &[&one, &texts]).unwrap_err().contains("bytes"));
        assert!(combined(Combine::Mean, &[&one, &texts]).unwrap_err().contains("no output of numbers"));
        let three = [spec("probabilities", ElementType::F32, &[-1, 3])];
        assert!(combined(Combine::Mean, &[&one, &three]).is_err());
    }

    #[test]
    fn only_outputs_belong_together_whatever_their_names() {
        let (a, b) =
            ([spec("variable", ElementType::F32, &[-1, 1])], [spec("predict", ElementType::F32, &[-1])]);
        assert!(combined(Combine::Mean, &[&a, &b]).is_err(), "of another rank");
        let b = [spec("predict", ElementType::F32, &[-1, 1])];
        assert_eq!(combined(Combine::Mean, &[&a, &b]).unwrap()[0].from, ["variable", "predict"]);
    }

    fn answers(data: Vec<TensorData>) -> Vec<Vec<Tensor>> {
        data.into_iter().map(|data| vec![Tensor::new("y", [data.len() as i64], data)]).collect()
    }

    #[test]
    fn weights_count_in_means_and_votes() {
        let of = Combined { spec: spec("y", ElementType::F32, &[-1]), from: vec!["y".into(); 3] };
        let numbers = answers(vec![
            TensorData::F32(vec![1., 0.]),
            TensorData::F32(vec![2., 0.]),
            TensorData::F32(vec![6., 3.]),
        ]);
        let mean = run(Combine::Mean, &of, &numbers, &[1.0; 3]).unwrap();
        assert_eq!(mean.data, TensorData::F32(vec![3.0, 1.0]));
        let weighted = run(Combine::Weighted, &of, &numbers, &[1.0, 1.0, 2.0]).unwrap();
        assert_eq!(weighted.data, TensorData::F32(vec![3.75, 1.5]));
        let labels = answers(vec![
            TensorData::I64(vec![2, 5]),
            TensorData::I64(vec![1, 4]),
            TensorData::I64(vec![2, 3]),
        ]);
        let voted = run(Combine::Vote, &of, &labels, &[1.0; 3]).unwrap();
        assert_eq!(voted.data, TensorData::I64(vec![2, 3]), "the smallest of equals");
        let voted = run(Combine::Vote, &of, &labels, &[1.0, 3.0, 1.0]).unwrap();
        assert_eq!(voted.data, TensorData::I64(vec![1, 4]));
        let ragged =
            answers(vec![TensorData::I64(vec![2]), TensorData::I64(vec![1, 4]), TensorData::I64(vec![1, 4])]);
        assert!(matches!(run(Combine::Vote, &of, &ragged, &[1.0; 3]), Err(Error::Run(_))));
    }
}
