//! `Normalizer`, `Binarizer`, `PolynomialFeatures`, `VarianceThreshold`, and `FunctionTransformer` of a known function.

use crate::Error;
use crate::native::matrix::{Block, Data, Matrix};
use crate::native::outputs::Transform;
use crate::native::skops::Object;

pub(super) fn build(object: &Object<'_>) -> Result<Box<dyn Transform>, Error> {
    Ok(match object.class() {
        "Normalizer" => {
            let norm = match object.get("norm")?.word().as_deref() {
                Some("l1") => Norm::Absolute,
                Some("l2") => Norm::Euclidean,
                Some("max") => Norm::Largest,
                _ => return Err(object.unsupported("its norm is not known")),
            };
            Box::new(Normalizer { norm, width: object.get("n_features_in_")?.count()? })
        }
        "Binarizer" => Box::new(Binarizer {
            threshold: object.get("threshold")?.number()?,
            width: object.get("n_features_in_")?.count()?,
        }),
        "PolynomialFeatures" => Box::new(polynomial(object)?),
        "VarianceThreshold" => {
            let threshold = object.get("threshold")?.number()?;
            let variances = object.get("variances_")?.floats()?;
            let kept =
                variances.iter().enumerate().filter(|(_, v)| **v > threshold).map(|(i, _)| i).collect();
            let name = object.class().to_owned();
            Box::new(Kept { kept, width: variances.len(), name, nan_allowed: true })
        }
        _ => Box::new(function(object)?),
    })
}

enum Norm {
    Absolute,
    Euclidean,
    Largest,
}

struct Normalizer {
    norm: Norm,
    width: usize,
}

impl Transform for Normalizer {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        super::check_width(&block, self.width)?;
        let mut matrix = block.matrix()?;
        matrix.finite("Normalizer", false)?;
        fn each(row: impl Iterator<Item = f64>, norm: &Norm) -> f64 {
            let norm = match norm {
                Norm::Absolute => row.map(f64::abs).sum(),
                Norm::Euclidean => row.map(|x| x * x).sum::<f64>().sqrt(),
                Norm::Largest => row.map(f64::abs).fold(0.0, f64::max),
            };
            if norm == 0.0 { 1.0 } else { norm }
        }
        let width = self.width.max(1);
        match &mut matrix.data {
            Data::Single(v) => {
                for row in v.chunks_exact_mut(width) {
                    let norm = each(row.iter().map(|x| f64::from(*x)), &self.norm) as f32;
                    row.iter_mut().for_each(|x| *x /= norm);
                }
            }
            Data::Double(v) => {
                for row in v.chunks_exact_mut(width) {
                    let norm = each(row.iter().copied(), &self.norm);
                    row.iter_mut().for_each(|x| *x /= norm);
                }
            }
        }
        Ok(Block::Matrix(matrix))
    }
}

struct Binarizer {
    threshold: f64,
    width: usize,
}

impl Transform for Binarizer {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        super::check_width(&block, self.width)?;
        let mut matrix = block.matrix()?;
        matrix.finite("Binarizer", false)?;
        // Against a single value, numpy compares in single precision.
        let threshold = if matrix.is_single() { f64::from(self.threshold as f32) } else { self.threshold };
        matrix.map(|_, x| f64::from(u8::from(x > threshold)));
        Ok(Block::Matrix(matrix))
    }
}

/// Some of the columns.
pub(super) struct Kept {
    pub kept: Vec<usize>,
    pub width: usize,
    pub name: String,
    pub nan_allowed: bool,
}

impl Transform for Kept {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        super::check_width(&block, self.width)?;
        let matrix = block.matrix()?;
        if !self.nan_allowed {
            matrix.finite(&self.name, false)?;
        }
        Ok(Block::Matrix(matrix.select(&self.kept)))
    }
}

struct Polynomial {
    width: usize,
    /// The columns that are multiplied, with repetition, in scikit-learn's order.
    terms: Vec<Vec<usize>>,
}

/// Terms that a model may have: 20 columns of degree 4 are 10,626.
const MOST_TERMS: usize = 1 << 20;

fn polynomial(object: &Object<'_>) -> Result<Polynomial, Error> {
    let width = object.get("n_features_in_")?.count()?;
    let degree = object.get("degree")?;
    let (low, high) = if degree.is_list() {
        match degree.floats()?.as_slice() {
            [low, high] => (*low as usize, *high as usize),
            _ => return Err(degree.broken("is no pair")),
        }
    } else {
        (0, degree.count()?)
    };
    let distinct = object.get("interaction_only")?.boolean()?;
    let bias = object.get("include_bias")?.boolean()?;
    let mut terms: Vec<Vec<usize>> = Vec::new();
    if bias {
        terms.push(Vec::new());
    }
    let most = if distinct { high.min(width) } else { high };
    let mut last: Vec<Vec<usize>> = vec![Vec::new()];
    for length in 1..=most {
        let mut next = Vec::new();
        for term in &last {
            let from = term.last().map_or(0, |l| if distinct { l + 1 } else { *l });
            for column in from..width {
                if next.len() + terms.len() > MOST_TERMS {
                    return Err(object.unsupported("it has too many terms"));
                }
                let mut longer = term.clone();
                longer.push(column);
                next.push(longer);
            }
        }
        if length >= low.max(1) {
            terms.extend(next.iter().cloned());
        }
        last = next;
    }
    let expected = object.get("n_output_features_")?.count()?;
    if terms.len() != expected {
        return Err(object.broken("has another number of terms than it says"));
    }
    Ok(Polynomial { width, terms })
}

impl Transform for Polynomial {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        super::check_width(&block, self.width)?;
        let matrix = block.matrix()?;
        matrix.finite("PolynomialFeatures", false)?;
        let mut data = Vec::with_capacity(matrix.rows * self.terms.len());
        let single = matrix.is_single();
        for row in 0..matrix.rows {
            for term in &self.terms {
                let mut product = 1.0;
                // scikit-learn multiplies what stands on the right first.
                for (index, column) in term.iter().rev().enumerate() {
                    let x = matrix.get(row, *column);
                    product = if index == 0 { x } else { product * x };
                    if single {
                        product = f64::from(product as f32);
                    }
                }
                data.push(product);
            }
        }
        let out = Matrix::double(matrix.rows, self.terms.len(), data);
        Ok(Block::Matrix(if single { out.into_single() } else { out }))
    }
}

struct Function {
    function: Option<Elementwise>,
    /// The input becomes doubles (`check_array(dtype=float64)`).
    double: bool,
}

pub(super) type Elementwise = fn(f64) -> f64;

/// Functions of numpy that may stand in a `FunctionTransformer`: those that take and give floats, of which whole numbers
/// give the same as the floats that they are.
const FUNCTIONS: [(&str, Elementwise); 32] = [
    ("log", f64::ln),
    ("log1p", f64::ln_1p),
    ("log2", f64::log2),
    ("log10", f64::log10),
    ("exp", f64::exp),
    ("exp2", f64::exp2),
    ("expm1", f64::exp_m1),
    ("sqrt", f64::sqrt),
    ("cbrt", f64::cbrt),
    ("square", |x| x * x),
    ("abs", f64::abs),
    ("absolute", f64::abs),
    ("fabs", f64::abs),
    ("negative", |x| -x),
    ("positive", |x| x),
    ("sign", |x| {
        if x > 0.0 {
            1.0
        } else if x < 0.0 {
            -1.0
        } else if x == 0.0 {
            0.0
        } else {
            x
        }
    }),
    ("floor", f64::floor),
    ("ceil", f64::ceil),
    ("trunc", f64::trunc),
    ("rint", f64::round_ties_even),
    ("sin", f64::sin),
    ("cos", f64::cos),
    ("tan", f64::tan),
    ("arcsin", f64::asin),
    ("arccos", f64::acos),
    ("arctan", f64::atan),
    ("sinh", f64::sinh),
    ("cosh", f64::cosh),
    ("tanh", f64::tanh),
    ("arcsinh", f64::asinh),
    ("deg2rad", |x| x * (std::f64::consts::PI / 180.0)),
    ("rad2deg", |x| x * (180.0 / std::f64::consts::PI)),
];

/// A function of numpy by its name; `None` where there is none. Errs on any other.
pub(super) fn named(func: &Object<'_>) -> Result<Option<Elementwise>, Error> {
    if func.is_none() {
        return Ok(None);
    }
    if func.names()?.is_empty() && func.library() == "numpy" {
        let name = func.class();
        if let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == name) {
            return Ok(Some(*function));
        }
    }
    Err(func.unsupported("the function is not known"))
}

fn function(object: &Object<'_>) -> Result<Function, Error> {
    if !object.get("kw_args")?.is_none() {
        return Err(object.unsupported("its function takes arguments"));
    }
    let func = object.get("func")?;
    // What HistGradientBoosting puts before its numbers.
    if func.class() == "partial" && func.part("func")?.class() == "check_array" {
        let keywords = func.part("kwds")?;
        for name in keywords.names()? {
            match name {
                "dtype" | "ensure_all_finite" | "force_all_finite" => {}
                other => return Err(func.unsupported(format!("check_array takes `{other}`"))),
            }
        }
        return Ok(Function { function: None, double: true });
    }
    Ok(Function { function: named(&func)?, double: false })
}

impl Transform for Function {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        if self.double {
            return Ok(Block::Matrix(block.matrix()?.into_double()));
        }
        let Some(function) = self.function else { return Ok(block) };
        let mut matrix = block.matrix()?;
        matrix.map(|_, x| function(x));
        Ok(Block::Matrix(matrix))
    }
}
