use serde_json::Value;

/// What an expectation asks of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    RowCount(Bounds),
    RowCountEquals(Value),
    ColumnCount(Bounds),
    ColumnCountEquals(Value),
    ColumnSet {
        columns: Vec<String>,
        exact: bool,
    },
    ColumnOrder {
        columns: Vec<String>,
    },
    ColumnExists {
        column: String,
        index: Option<i64>,
    },
    ColumnType {
        column: String,
        wanted: String,
    },
    /// Of every value that is there.
    Values {
        column: String,
        test: Test,
    },
    Statistic {
        column: String,
        of: Statistic,
        bounds: Bounds,
    },
    Distinct {
        column: String,
        relation: Relation,
        set: Vec<Value>,
    },
    MostCommon {
        column: String,
        set: Vec<Value>,
        ties: bool,
    },
    Quantiles {
        column: String,
        quantiles: Vec<f64>,
        ranges: Vec<[Option<f64>; 2]>,
        interpolation: String,
    },
    Divergence {
        column: String,
        wanted: Divergence,
    },
    Pair {
        a: String,
        b: String,
        test: PairTest,
        ignore: IgnorePair,
    },
    Columns {
        columns: Vec<String>,
        test: ColumnsTest,
        ignore: IgnoreColumns,
    },
    /// Needs what a table alone does not have; the reason.
    NotComputable(String),
}

/// Both ends are included unless strict. The ends are as the suite wrote them: numbers, texts or times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    pub min: Option<Value>,
    pub max: Option<Value>,
    pub strict_min: bool,
    pub strict_max: bool,
    /// Texts are numbers, days or times, by what they look like, and beside nothing else: as Great Expectations reads them.
    pub typed: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    NotNull,
    Null,
    /// Every row of a value that appears more than once fails.
    Unique,
    /// Every row of a value that appeared before fails.
    NotRepeated,
    InSet(Option<Vec<Value>>),
    NotInSet(Option<Vec<Value>>),
    Between(Bounds),
    /// Characters of the value as text.
    Length(Bounds),
    LengthEquals(f64),
    Regex {
        patterns: Vec<String>,
        on: MatchOn,
    },
    Like {
        patterns: Vec<String>,
        on: MatchOn,
        escape: Option<char>,
    },
    Strftime(String),
    Dateutil,
    Json,
    JsonSchema(Value),
    /// Any of these types.
    OfType {
        types: Vec<String>,
        list: bool,
    },
    Increasing {
        strictly: bool,
    },
    Decreasing {
        strictly: bool,
    },
    ZScore {
        threshold: f64,
        double_sided: bool,
    },
    NotOutlier(Outliers),
    /// Neither NaN nor infinite.
    Finite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchOn {
    Any,
    All,
    None,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outliers {
    /// Outside Tukey's fences: so many interquartile ranges beyond the quartiles.
    Iqr(f64),
    /// So many standard deviations from the mean.
    Std(f64),
    Unknown(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Statistic {
    Min,
    Max,
    Mean,
    Median,
    Sum,
    /// With n − 1.
    Stdev,
    UniqueCount,
    UniqueShare,
    NonNullShare,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::enum_variant_names, reason = "the words of the expectations")]
pub enum Relation {
    InSet,
    ContainSet,
    EqualSet,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PairTest {
    Equal,
    Greater { or_equal: bool },
    InSet(Option<Vec<[Value; 2]>>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum ColumnsTest {
    CompoundUnique,
    UniqueWithinRecord,
    SumEquals(f64),
    Equal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IgnorePair {
    Both,
    Either,
    Neither,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IgnoreColumns {
    All,
    Any,
    Never,
}

/// Kullback–Leibler divergence of the observed distribution from an expected one.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// None: the column's own distribution.
    pub partition: Option<Partition>,
    pub threshold: Option<f64>,
    pub tail_holdout: f64,
    pub internal_holdout: f64,
    pub bucketize: bool,
}

/// Weights sum to one, together with those of the tails.
#[derive(Clone, Debug, PartialEq)]
pub enum Partition {
    Values { values: Vec<Value>, weights: Vec<f64> },
    Bins { bins: Vec<f64>, weights: Vec<f64>, tails: Option<[f64; 2]> },
}
