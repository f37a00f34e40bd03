//! Which tensors of one step become which inputs of the next.

use runtimes::{ElementType, Error, Tensor, TensorData, TensorSpec};

/// Where an input comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Feed {
    /// This tensor, as another type or with a dimension of 1 more or less.
    Whole(String),
    /// One column of this matrix.
    Column(String, usize),
}

/// What feeds each of `inputs`: tensors of the same names, of `given` by the step before (at least one of them) or else of
/// `passed` by the caller; or, for all of them together, the answer of the step before (`answer`, a name in `given`).
///
/// Errors: why they do not fit, with both sides.
pub fn link(
    inputs: &[TensorSpec],
    given: &[TensorSpec],
    answer: Option<&str>,
    passed: &[TensorSpec],
) -> Result<Vec<Feed>, String> {
    let of = |specs: &[TensorSpec], input: &TensorSpec| {
        let found = specs.iter().find(|spec| spec.name == input.name);
        found.filter(|spec| fits(spec, input)).map(|spec| Feed::Whole(spec.name.clone()))
    };
    // Models call their only input alike: what the caller sent under that name is not what the step is to work on.
    if inputs.iter().any(|input| of(given, input).is_some()) {
        let named = inputs.iter().map(|input| of(given, input).or_else(|| of(passed, input)));
        if let Some(feeds) = named.collect() {
            return Ok(feeds);
        }
    }
    let answer = answer.and_then(|name| given.iter().find(|spec| spec.name == name)).or(given.first());
    if let Some(answer) = answer {
        match inputs {
            [only] if fits(answer, only) => return Ok(vec![Feed::Whole(answer.name.clone())]),
            [_] => {}
            several => {
                let wide = answer.shape.len() == 2
                    && matches!(answer.shape[1], n if n < 0 || n as usize == several.len());
                let column = |spec: &TensorSpec| {
                    matches!(spec.shape.as_slice(), [_] | [_, 1] | [_, -1])
                        && casts(answer.element, spec.element)
                };
                if wide && several.iter().all(column) {
                    return Ok((0..several.len()).map(|at| Feed::Column(answer.name.clone(), at)).collect());
                }
            }
        }
    }
    Err(format!("it takes {}, and is given {}", listed(inputs), listed(given)))
}

fn listed(specs: &[TensorSpec]) -> String {
    let one = |spec: &TensorSpec| {
        let shape: Vec<String> =
            spec.shape.iter().map(|n| if *n < 0 { "any".into() } else { n.to_string() }).collect();
        format!("`{}` ({} [{}])", spec.name, spec.element.name(), shape.join(", "))
    };
    let most = 6;
    let mut names: Vec<String> = specs.iter().take(most).map(one).collect();
    if specs.len() > most {
        names.push(format!("{} more", specs.len() - most));
    }
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

/// Whether a tensor of the first kind can be given where the second is taken.
pub fn fits(given: &TensorSpec, taken: &TensorSpec) -> bool {
    let free = |a: i64, b: i64| a < 0 || b < 0 || a == b;
    let shape = match (given.shape.as_slice(), taken.shape.as_slice()) {
        (a, b) if a.len() == b.len() => a.iter().zip(b).all(|(a, b)| free(*a, *b)),
        ([a], [b, 1 | -1]) | ([a, 1 | -1], [b]) => free(*a, *b),
        _ => false,
    };
    shape && casts(given.element, taken.element)
}

/// Whether no value changes more than by rounding.
fn casts(from: ElementType, to: ElementType) -> bool {
    use ElementType as E;
    let small = matches!(from, E::Bool | E::U8 | E::U16 | E::U32 | E::I8 | E::I16 | E::I32);
    from == to
        || matches!(to, E::F32 | E::F64) && from != E::Bytes
        || to == E::I64 && small
        || to == E::I32 && small && from != E::U32
}

/// The values as another type; see [`casts`].
pub fn cast(data: &TensorData, to: ElementType) -> Result<TensorData, Error> {
    if data.element() == to {
        return Ok(data.clone());
    }
    let values = data.to_f64().filter(|_| casts(data.element(), to));
    match (values, to) {
        (Some(values), ElementType::F32) => {
            Ok(TensorData::F32(values.into_iter().map(|x| x as f32).collect()))
        }
        (Some(values), ElementType::F64) => Ok(TensorData::F64(values)),
        (Some(values), ElementType::I64) => {
            Ok(TensorData::I64(values.into_iter().map(|x| x as i64).collect()))
        }
        (Some(values), ElementType::I32) => {
            Ok(TensorData::I32(values.into_iter().map(|x| x as i32).collect()))
        }
        _ => Err(Error::Run(format!("{} cannot become {}", data.element().name(), to.name()))),
    }
}

/// `taken`, made from what there is. Errors: a width that only showed now.
pub fn feed(feed: &Feed, taken: &TensorSpec, there: &[&[Tensor]]) -> Result<Tensor, Error> {
    let find = |name: &str| {
        let found = there.iter().find_map(|tensors| tensors.iter().find(|tensor| tensor.name == name));
        found.ok_or_else(|| Error::MissingInput(name.to_owned()))
    };
    let (data, rows) = match feed {
        Feed::Whole(name) => {
            let tensor = find(name)?;
            if tensor.shape.len() == taken.shape.len() {
                let data = cast(&tensor.data, taken.element)?;
                return Ok(Tensor { name: taken.name.clone(), shape: tensor.shape.clone(), data });
            }
            (cast(&tensor.data, taken.element)?, tensor.rows())
        }
        Feed::Column(name, at) => {
            let tensor = find(name)?;
            let (width, rows) = (tensor.width(), tensor.rows());
            if *at >= width {
                return Err(Error::Run(format!("`{name}` has {width} columns, one more is taken")));
            }
            let mut column = TensorData::zeros(tensor.element(), 0);
            macro_rules! every {
                ($($kind:ident),*) => {
                    match (&mut column, &tensor.data) {
                        $((TensorData::$kind(to), TensorData::$kind(from)) => {
                            to.extend(from.iter().skip(*at).step_by(width).cloned());
                        })*
                        _ => {}
                    }
                };
            }
            every!(Bool, U8, U16, U32, U64, I8, I16, I32, I64, F16, Bf16, F32, F64, Bytes);
            (cast(&column, taken.element)?, rows)
        }
    };
    let shape = if taken.shape.len() == 2 { vec![rows as i64, 1] } else { vec![rows as i64] };
    if data.len() != rows {
        return Err(Error::Run(format!(
            "`{}` takes one value a row, and is given {}",
            taken.name,
            data.len()
        )));
    }
    Ok(Tensor { name: taken.name.clone(), shape, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, element: ElementType, shape: &[i64]) -> TensorSpec {
        TensorSpec { name: name.into(), element, shape: shape.to_vec() }
    }

    #[test]
    fn the_only_output_feeds_the_only_input_whatever_their_names() {
        let given = [spec("variable", ElementType::F64, &[-1, 8])];
        let taken = [spec("X", ElementType::F32, &[-1, 8])];
        assert_eq!(link(&taken, &given, None, &[]).unwrap(), [Feed::Whole("variable".into())]);
        let narrow = [spec("X", ElementType::F32, &[-1, 6])];
        let said = link(&narrow, &given, None, &[]).unwrap_err();
        assert_eq!(said, "it takes `X` (float32 [any, 6]), and is given `variable` (float64 [any, 8])");
        let texts = [spec("X", ElementType::Bytes, &[-1, 8])];
        assert!(link(&texts, &given, None, &[]).is_err());
        let whole = [spec("X", ElementType::I64, &[-1, 8])];
        assert!(link(&whole, &given, None, &[]).is_err(), "numbers are not cut to whole ones");
    }

    #[test]
    fn names_win_and_what_the_caller_sent_is_passed_on() {
        let given = [spec("a", ElementType::F32, &[-1]), spec("b", ElementType::F32, &[-1])];
        let taken = [spec("b", ElementType::F64, &[-1, 1]), spec("age", ElementType::I64, &[-1])];
        let passed = [spec("age", ElementType::I64, &[-1])];
        assert_eq!(
            link(&taken, &given, Some("a"), &passed).unwrap(),
            [Feed::Whole("b".into()), Feed::Whole("age".into())]
        );
        let tensors = [Tensor::new("b", [2], TensorData::F32(vec![1.5, 2.5]))];
        let fed = feed(&Feed::Whole("b".into()), &taken[0], &[&tensors]).unwrap();
        assert_eq!(fed, Tensor::new("b", [2, 1], TensorData::F64(vec![1.5, 2.5])));
    }

    #[test]
    fn the_callers_own_input_does_not_stand_in_for_the_step_before() {
        let (sent, given) =
            ([spec("X", ElementType::F32, &[-1, 8])], [spec("variable", ElementType::F32, &[-1, 8])]);
        assert_eq!(link(&sent, &given, None, &sent).unwrap(), [Feed::Whole("variable".into())]);
        let labels = [spec("label", ElementType::I64, &[-1])];
        assert!(link(&sent, &labels, None, &sent).is_err());
    }

    #[test]
    fn a_matrix_comes_apart_into_columns_in_their_order() {
        let given = [spec("out", ElementType::F32, &[-1, 2])];
        let taken = [spec("x", ElementType::F64, &[-1]), spec("y", ElementType::F64, &[-1, 1])];
        let feeds = link(&taken, &given, None, &[]).unwrap();
        let tensors = [Tensor::new("out", [2, 2], TensorData::F32(vec![1., 2., 3., 4.]))];
        let fed: Vec<Tensor> =
            feeds.iter().zip(&taken).map(|(f, t)| feed(f, t, &[&tensors]).unwrap()).collect();
        assert_eq!(fed[0], Tensor::new("x", [2], TensorData::F64(vec![1., 3.])));
        assert_eq!(fed[1], Tensor::new("y", [2, 1], TensorData::F64(vec![2., 4.])));
        let three = [taken[0].clone(), taken[1].clone(), spec("z", ElementType::F64, &[-1])];
        assert!(link(&three, &given, None, &[]).is_err());
    }
}
