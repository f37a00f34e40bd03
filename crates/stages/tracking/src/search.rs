//! What can be asked of a search, in the house's own terms. Doors translate their grammars into this.

pub use crate::cursor::{Cursor, SortValue};
pub use crate::statement::Statement;
pub use crate::store::keyset::cursor;

/// A page of what a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<T> {
    pub items: Vec<T>,
    /// Where this page ends, if there is more: the next one is the same query `after` it.
    pub next: Option<Cursor>,
}

impl<T> Found<T> {
    /// Makes a page of `limit` items from up to `limit` + 1 found.
    pub fn cut(mut found: Vec<(T, Cursor)>, limit: i64) -> Self {
        let wanted = usize::try_from(limit).unwrap_or(0);
        let more = found.len() > wanted;
        found.truncate(wanted);
        let next = found.last().filter(|_| more).map(|(_, cursor)| cursor.clone());
        Self { items: found.into_iter().map(|(item, _)| item).collect(), next }
    }
}

/// One condition; all conditions of a query must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause<F> {
    pub field: F,
    pub test: Test,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub fn operator(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// What a field's value is held against. A missing value fails every test but `Missing`.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    Number(Comparison, f64),
    /// Whole numbers and times (microseconds).
    Integer(Comparison, i64),
    Text(Comparison, String),
    /// `%` stands for any characters and `_` for one.
    Like {
        pattern: String,
        ignore_case: bool,
    },
    /// A regular expression that is found somewhere in the text.
    Matches(String),
    In(Vec<String>),
    NotIn(Vec<String>),
    InIntegers(Vec<i64>),
    NotInIntegers(Vec<i64>),
    Missing,
    Present,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Order<F> {
    pub field: F,
    pub descending: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifecycle {
    #[default]
    Active,
    Deleted,
    All,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RunField {
    /// The latest value. NaN is unequal to everything and ordered after all numbers.
    Metric(String),
    Param(String),
    Tag(String),
    Uid,
    Name,
    Status,
    Owner,
    StartedAt,
    EndedAt,
    /// From start to end; missing while it runs.
    Duration,
    /// The experiment's name.
    Experiment,
    /// The address of the run's artifacts. Addresses in the server's own store begin with `own_store`.
    Artifacts {
        own_store: String,
    },
    DatasetName,
    DatasetDigest,
    /// A tag of the relation between the run and the dataset.
    DatasetTag(String),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunQuery {
    /// Numbers of the experiments to search; `None` searches all that are not deleted.
    pub experiments: Option<Vec<i64>>,
    pub lifecycle: Lifecycle,
    pub filter: Vec<Clause<RunField>>,
    /// Missing values come last and NaN before them, whatever the direction; then newest first.
    pub order: Vec<Order<RunField>>,
    pub limit: i64,
    /// Only what comes after the end of a page of the same query.
    pub after: Option<Cursor>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExperimentField {
    Number,
    Name,
    CreatedAt,
    UpdatedAt,
    Tag(String),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExperimentQuery {
    pub lifecycle: Lifecycle,
    pub filter: Vec<Clause<ExperimentField>>,
    /// After these, newest (highest number) first.
    pub order: Vec<Order<ExperimentField>>,
    pub limit: i64,
    /// Only what comes after the end of a page of the same query.
    pub after: Option<Cursor>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum LoggedModelField {
    Uid,
    Name,
    ModelType,
    Status,
    SourceRun,
    CreatedAt,
    UpdatedAt,
    Param(String),
    Tag(String),
    Metric(String),
    /// The latest value measured on such a dataset: metric key, dataset name, dataset digest.
    MetricOn(String, Option<String>, Option<String>),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoggedModelQuery {
    /// Numbers of the experiments to search.
    pub experiments: Vec<i64>,
    pub filter: Vec<Clause<LoggedModelField>>,
    /// Metric conditions count only values measured on one of these (name, digest); without metric
    /// conditions, a model must have some value on one of them.
    pub datasets: Vec<(String, Option<String>)>,
    /// After these, newest first.
    pub order: Vec<Order<LoggedModelField>>,
    pub limit: i64,
    /// Only what comes after the end of a page of the same query.
    pub after: Option<Cursor>,
}
