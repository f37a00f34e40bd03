//! Labels of several outputs, all of one type: a table with a column an output.

use crate::native::outputs::{Classes, Output};
use crate::native::skops::Object;
use crate::{ElementType, Error, TensorData};

/// By output: its classes. There is at least one.
pub(super) struct Labels(Vec<Classes>);

impl Labels {
    /// The list of arrays that is `classes_` of an estimator of several outputs.
    pub(super) fn read(object: &Object<'_>) -> Result<Self, Error> {
        let all: Vec<Classes> = object.items()?.iter().map(Classes::read).collect::<Result<_, _>>()?;
        let Some(first) = all.first() else { return Err(object.broken("is empty")) };
        // numpy would make one type of them: labels that no output has.
        if all.iter().any(|classes| classes.element() != first.element()) {
            return Err(object.unsupported("its labels are of several types"));
        }
        Ok(Self(all))
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The classes of an output, which is below [`Labels::count`].
    pub(super) fn of(&self, output: usize) -> &Classes {
        &self.0[output]
    }

    /// Probabilities are a list of tables, which is no output.
    pub(super) fn output(&self) -> Output {
        Output::table("predict", self.element(), self.count())
    }

    fn element(&self) -> ElementType {
        self.0[0].element()
    }

    /// The labels at `chosen`: row by row, an index an output.
    pub(super) fn take(&self, chosen: &[usize]) -> TensorData {
        macro_rules! all {
            ($kind:ident, $label:expr) => {{
                let each = chosen.chunks_exact(self.count()).flat_map(|row| row.iter().zip(&self.0));
                each.filter_map(|(at, classes)| match classes {
                    Classes::$kind(labels) => labels.get(*at).map($label),
                    _ => None,
                })
                .collect()
            }};
        }
        match self.element() {
            ElementType::I64 => TensorData::I64(all!(Integers, |x| *x)),
            ElementType::Bool => TensorData::Bool(all!(Booleans, |b| *b)),
            ElementType::Bytes => TensorData::Bytes(all!(Texts, |text| text.as_bytes().to_vec())),
            _ => TensorData::F64(all!(Floats, |x| *x)),
        }
    }
}
