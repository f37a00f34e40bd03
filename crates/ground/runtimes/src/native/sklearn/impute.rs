//! `SimpleImputer`, with its indicator columns.

use crate::Error;
use crate::native::matrix::{Block, Kind, Matrix, Series, Values};
use crate::native::outputs::Transform;
use crate::native::skops::{Array, Item, Object, npy};

#[derive(Clone, Debug)]
enum Fill {
    Number(f64),
    Text(String),
    /// Nothing was ever seen in the column: it is left out.
    Nothing,
}

pub(crate) struct Imputer {
    fills: Vec<Fill>,
    /// What counts as missing beside NaN.
    missing: Option<f64>,
    missing_text: Option<String>,
    keep_empty: bool,
    /// Columns that get an indicator.
    indicators: Vec<usize>,
    /// The fill values have single precision.
    single: bool,
}

pub(super) fn imputer(object: &Object<'_>) -> Result<Imputer, Error> {
    let statistics = object.get("statistics_")?;
    let fills: Vec<Fill> = match statistics.array()? {
        Array::Objects { items, .. } => items
            .into_iter()
            .map(|item| match item {
                None => Fill::Nothing,
                Some(Item::Text(t)) => Fill::Text(t),
                Some(Item::Number(x)) => Fill::Number(x),
                Some(Item::Boolean(b)) => Fill::Number(f64::from(u8::from(b))),
            })
            .collect(),
        Array::Plain(npy::Array { data: npy::Data::Text(texts), .. }) => {
            texts.into_iter().map(Fill::Text).collect()
        }
        array => array
            .floats()
            .ok_or_else(|| statistics.broken("holds no values"))?
            .into_iter()
            .map(|x| if x.is_nan() { Fill::Nothing } else { Fill::Number(x) })
            .collect(),
    };
    let marker = object.get("missing_values")?;
    let (missing, missing_text) = if marker.is_none() {
        (None, None)
    } else if let Some(text) = marker.word() {
        (None, Some(text))
    } else {
        match marker.number() {
            Ok(x) if x.is_nan() => (None, None),
            Ok(x) => (Some(x), None),
            // pandas.NA counts as NaN does.
            Err(_) if marker.class() == "NAType" => (None, None),
            Err(_) => return Err(object.unsupported("its `missing_values` is not known")),
        }
    };
    let mut indicators = Vec::new();
    if object.get("add_indicator")?.boolean()? {
        let indicator = object.get("indicator_")?;
        if indicator.get("error_on_new")?.boolean()? {
            return Err(object.unsupported("its indicator errs on new missing values"));
        }
        indicators = indicator.get("features_")?.indices()?;
        if indicators.iter().any(|i| *i >= fills.len()) {
            return Err(indicator.broken("names a column that does not exist"));
        }
    }
    let single = match object.find("_fill_dtype")? {
        Some(dtype) => matches!(dtype.dtype(), Ok(npy::Data::F32(_))),
        None => false,
    };
    let keep_empty = object.find("keep_empty_features")?.map(|k| k.boolean()).transpose()?.unwrap_or(false);
    Ok(Imputer { fills, missing, missing_text, keep_empty, indicators, single })
}

impl Imputer {
    fn is_missing(&self, x: f64) -> bool {
        match self.missing {
            Some(missing) => x == missing,
            None => x.is_nan() && self.missing_text.is_none(),
        }
    }

    fn kept(&self) -> Vec<usize> {
        let keep = |fill: &Fill| self.keep_empty || !matches!(fill, Fill::Nothing);
        self.fills.iter().enumerate().filter(|(_, fill)| keep(fill)).map(|(i, _)| i).collect()
    }

    fn numbers(&self, matrix: &Matrix) -> Result<Matrix, Error> {
        let kept = self.kept();
        let mut out = matrix.select(&kept);
        let mut fills = Vec::with_capacity(kept.len());
        for column in &kept {
            fills.push(match &self.fills[*column] {
                Fill::Number(x) if self.single => f64::from(*x as f32),
                Fill::Number(x) => *x,
                Fill::Nothing => 0.0,
                Fill::Text(t) => {
                    return Err(Error::Unfit(format!(
                        "column {column} is a number; SimpleImputer fills in `{t}`"
                    )));
                }
            });
        }
        out.map(|c, x| if self.is_missing(x) { fills[c] } else { x });
        if self.indicators.is_empty() {
            return Ok(out);
        }
        let mut marks = matrix.select(&self.indicators);
        marks.map(|_, x| f64::from(u8::from(self.is_missing(x))));
        Ok(Matrix::beside(matrix.rows, &[out, marks]))
    }

    fn columns(&self, rows: usize, columns: &[Series]) -> Result<Vec<Series>, Error> {
        let mut out = Vec::new();
        for column in self.kept() {
            let series = &columns[column];
            let values = match (&series.values, &self.fills[column]) {
                (Values::Texts(v), fill) => Values::Texts(
                    v.iter()
                        .map(|text| match (text, fill) {
                            (Some(t), _) if self.missing_text.as_deref() != Some(t) => Ok(Some(t.clone())),
                            (None, _) if self.missing_text.is_some() => Ok(None),
                            (_, Fill::Text(fill)) => Ok(Some(fill.clone())),
                            (_, Fill::Number(x)) => Err(Error::Unfit(format!(
                                "column {column} is text; SimpleImputer fills in {x}"
                            ))),
                            (_, Fill::Nothing) => Ok(None),
                        })
                        .collect::<Result<_, _>>()?,
                ),
                (Values::Numbers(v), Fill::Number(fill)) => {
                    Values::Numbers(v.iter().map(|x| if self.is_missing(*x) { *fill } else { *x }).collect())
                }
                (Values::Numbers(_), _) => {
                    return Err(Error::Unfit(format!(
                        "column {column} is a number; SimpleImputer knows text"
                    )));
                }
            };
            out.push(Series { kind: series.kind, values });
        }
        for column in &self.indicators {
            let marks = (0..rows).map(|row| {
                f64::from(u8::from(match &columns[*column].values {
                    Values::Numbers(v) => self.is_missing(v[row]),
                    Values::Texts(v) => match (&v[row], &self.missing_text) {
                        (None, None) => true,
                        (Some(t), Some(missing)) => t == missing,
                        _ => false,
                    },
                }))
            });
            out.push(Series { kind: Kind::Boolean, values: Values::Numbers(marks.collect()) });
        }
        Ok(out)
    }
}

impl Transform for Imputer {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        super::check_width(&block, self.fills.len())?;
        match block {
            Block::Columns { rows, columns } if columns.iter().any(|c| c.kind == Kind::Text) => {
                Ok(Block::Columns { rows, columns: self.columns(rows, &columns)? })
            }
            block => Ok(Block::Matrix(self.numbers(&block.matrix()?)?)),
        }
    }
}
