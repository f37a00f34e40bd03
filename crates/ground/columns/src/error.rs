use std::fmt;

use types::{Class, DataType, Fault, Hint};

/// Where in a file a value stands: text formats have lines, columnar ones rows. Both count from 1;
/// a line counts the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Line(u64),
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(n) => write!(f, "line {n}"),
            Place::Row(n) => write!(f, "row {n}"),
        }
    }
}

/// What is wrong with a file or a table. Every message says where; values are quoted, cut at 80 characters.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Io(#[from] types::io::Error),
    #[error("`{file}` is empty")]
    Empty { file: String },
    #[error("`{file}` has a header but no rows")]
    NoRows { file: String },
    #[error("`{file}` is truncated: {detail}")]
    Truncated { file: String, detail: String },
    #[error("`{file}` is not a readable {format} file: {detail}")]
    Malformed { file: String, format: &'static str, detail: String },
    #[error("`{file}` has a format that cannot be told from its name")]
    UnknownFormat { file: String },
    #[error("`{file}`, line {line}: not valid UTF-8 at byte {byte} of the line, after `{before}`")]
    BadUtf8 { file: String, line: u64, byte: usize, before: String },
    #[error("`{file}`: column `{column}` stands in the header twice, as number {first} and {second}")]
    DuplicateColumn { file: String, column: String, first: usize, second: usize },
    #[error("`{file}`: column number {number} has no name")]
    UnnamedColumn { file: String, number: usize },
    #[error("`{file}` has one column named `{header}`, which looks separated by {separator}")]
    Separator { file: String, header: String, separator: &'static str },
    #[error("`{file}`, line {line}: {found} fields where the header has {expected}")]
    Ragged { file: String, line: u64, found: usize, expected: usize },
    #[error("`{file}`, line {line}: {detail}")]
    Quote { file: String, line: u64, detail: String },
    #[error("`{file}`, line {line}: {detail}")]
    BadLine { file: String, line: u64, detail: String },
    #[error("`{file}`, {place}, column `{column}`: `{value}` is not {}", article(*.expected))]
    WrongType { file: String, place: Place, column: String, value: String, expected: DataType },
    #[error(
        "`{file}`, {place}, column `{column}`: `{value}` among numbers ({numbers} of {values} values are numbers)"
    )]
    MixedTypes { file: String, place: Place, column: String, value: String, numbers: u64, values: u64 },
    #[error("`{file}`, {place}, column `{column}`: the value is missing, but the column may not be null")]
    MissingValue { file: String, place: Place, column: String },
    #[error("`{file}`: unknown column `{column}`")]
    UnknownColumn { file: String, column: String, expected: Vec<String> },
    #[error("`{file}`: column `{column}` is missing")]
    MissingColumn { file: String, column: String, found: Vec<String> },
    #[error("`{file}`, column `{column}`: the type {found} is not supported")]
    UnsupportedType { file: String, column: String, found: String },
    #[error("`{file}`, column `{column}`: the type is {found}, but {} is declared", .expected.name())]
    TypeMismatch { file: String, column: String, found: String, expected: DataType },
    #[error("the table has no column `{column}`")]
    NoColumn { column: String, known: Vec<String> },
    #[error("column `{column}` is {}, not {wanted}", .found.name())]
    NotA { column: String, found: DataType, wanted: &'static str },
    #[error("column `{column}` has no value in row {row}")]
    NullValue { column: String, row: u64 },
    #[error("columns of one table differ in length: `{column}` has {found} rows, the first has {expected}")]
    Length { column: String, found: usize, expected: usize },
    #[error("profiles cannot be merged: {detail}")]
    Merge { detail: String },
    #[error("a profile of version {found} cannot be read; this program knows up to {known}")]
    Version { found: u32, known: u32 },
    #[error("`{file}` cannot be read: {cause}")]
    Unreadable { file: String, cause: Box<dyn Fault> },
    #[error("`{file}`, line {line}: the record is longer than {limit} bytes")]
    LongRecord { file: String, line: u64, limit: usize },
    #[error("files of one table differ: `{file}`, column `{column}` is {found}, {expected} before")]
    Differing { file: String, column: String, found: String, expected: String },
    #[error("a table of no files")]
    NoFiles,
    #[error("files of one table have different formats: `{first}` and `{second}`")]
    MixedFormats { first: String, second: String },
    #[error("a row diff needs a key")]
    NoKey,
    #[error("key column `{column}` is missing in `{file}`")]
    NoKeyColumn { file: String, column: String, known: Vec<String> },
    #[error("`{file}`, row {row}: key column `{column}` has no value")]
    NullKey { file: String, row: u64, column: String },
    #[error(
        "the key {key} stands in two rows of one table: `{first}`, row {first_row}, and `{second}`, row {second_row}"
    )]
    DuplicateKey { key: String, first: String, first_row: u64, second: String, second_row: u64 },
    #[error("{message}")]
    Sql { message: String, hint: Hint },
    #[error("the query took longer than {seconds} s and was stopped")]
    QueryTime { seconds: u64 },
    #[error("the query needs more memory than its {bytes} bytes")]
    QueryMemory { bytes: usize },
    #[error("the query was cancelled")]
    Cancelled,
    #[error("cannot write Parquet: {0}")]
    Write(String),
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
}

fn article(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "a boolean (true or false)",
        DataType::Integer => "an integer",
        DataType::Float => "a number",
        DataType::String => "a string",
        DataType::Timestamp => "a timestamp (2026-01-31T12:00:00Z)",
        DataType::Date => "a date (2026-01-31)",
        DataType::Binary => "binary data",
    }
}

/// `value` for an error message: at most 80 characters.
pub(crate) fn quote(value: &str) -> String {
    match value.char_indices().nth(80) {
        Some((cut, _)) => format!("{}…", &value[..cut]),
        None => value.to_owned(),
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Error::Io(e) => e.class(),
            Error::Unreadable { cause, .. } => cause.class(),
            Error::NoColumn { .. } => Class::NotFound,
            Error::QueryTime { .. } | Error::QueryMemory { .. } | Error::LongRecord { .. } => Class::TooLarge,
            Error::Cancelled => Class::Unavailable,
            Error::Write(_) | Error::Arrow(_) => Class::Internal,
            _ => Class::Invalid,
        }
    }

    fn hint(&self) -> Hint {
        let hint = match self {
            Error::Io(e) => return e.hint(),
            Error::Unreadable { cause, .. } => return cause.hint(),
            Error::Sql { hint, .. } => return hint.clone(),
            Error::LongRecord { .. } => "check for a quote that is never closed".into(),
            Error::Differing { .. } => "give the column one type in all files, or name a single file".into(),
            Error::NoFiles => "name a file, or a folder that holds some".into(),
            Error::MixedFormats { .. } => {
                "name a folder whose files have one format, or a single file".into()
            }
            Error::NoKey => "name the columns that tell rows apart, such as key=id".into(),
            Error::NoKeyColumn { column, known, .. } => match nearest(column, known) {
                Some(near) => format!("did you mean `{near}`? it has {}", list(known)),
                None => format!("it has {}", list(known)),
            },
            Error::NullKey { .. } => "choose a key without missing values".into(),
            Error::DuplicateKey { .. } => "choose columns that together are unique in each version".into(),
            Error::QueryTime { .. } => "read fewer columns or files, or filter by a sorted column".into(),
            Error::QueryMemory { .. } => "group by fewer values, or sort and join fewer rows".into(),
            Error::Empty { .. } | Error::NoRows { .. } => {
                "check what wrote it; a data file needs rows".into()
            }
            Error::Truncated { .. } => {
                "write or send the file again, with its sha256, so that a cut is noticed".into()
            }
            Error::Malformed { format, .. } => {
                format!("check that it is {format}, and that it was copied whole")
            }
            Error::UnknownFormat { .. } => "name it .csv, .parquet or .jsonl".into(),
            Error::BadUtf8 { .. } => {
                "save the file as UTF-8, for example with `iconv -f LATIN1 -t UTF-8`".into()
            }
            Error::DuplicateColumn { .. } | Error::UnnamedColumn { .. } => {
                "give every column a name of its own".into()
            }
            Error::Separator { .. } => "separate the values by commas".into(),
            Error::Ragged { found, expected, .. } if found > expected => {
                "quote values that contain a comma: \"a, b\"".into()
            }
            Error::Ragged { .. } => "write every field, empty for a missing value".into(),
            Error::Quote { .. } => {
                "quote the whole value and double the quotes inside it: \"say \"\"hi\"\"\"".into()
            }
            Error::BadLine { .. } => "write one JSON object on each line; NaN is not JSON, use null".into(),
            Error::WrongType { .. } => {
                "mend the value, leave it empty if it is missing, or declare another type".into()
            }
            Error::MixedTypes { .. } => {
                "mend the value, leave it empty if it is missing, or declare the column as string".into()
            }
            Error::MissingValue { .. } => {
                "fill it in, drop the row, or declare the column as nullable".into()
            }
            Error::UnknownColumn { column, expected, .. } => match nearest(column, expected) {
                Some(near) => format!("did you mean `{near}`? otherwise declare it or drop it"),
                None => format!("declare it or drop it; declared are {}", list(expected)),
            },
            Error::MissingColumn { column, found, .. } => match nearest(column, found) {
                Some(near) => format!("did you mean `{near}`? the file has {}", list(found)),
                None => format!("the file has {}", list(found)),
            },
            Error::UnsupportedType { .. } => {
                "convert it to boolean, integer, float, string, timestamp, date or binary".into()
            }
            Error::TypeMismatch { .. } => "convert the column or declare its type".into(),
            Error::NoColumn { column, known } => match nearest(column, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has {}", list(known)),
            },
            Error::NotA { wanted, .. } => format!("use a column that is {wanted}"),
            Error::NullValue { .. } => "drop or fill the rows that have no value there".into(),
            Error::Merge { .. } => "profile both with the same edges: Profile::like".into(),
            Error::Version { .. } => "use a newer mlwright".into(),
            Error::Length { .. } | Error::Cancelled | Error::Write(_) | Error::Arrow(_) => return None,
        };
        Some(hint)
    }
}

fn list(names: &[String]) -> String {
    let mut text = names.iter().take(12).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    if names.len() > 12 {
        text.push_str(&format!(" and {} more", names.len() - 12));
    }
    text
}

/// The name closest to `name`, if it is at most a third of its length away (Levenshtein, case-blind).
fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let wanted: Vec<char> = name.to_lowercase().chars().collect();
    let best = known.iter().map(|k| (distance(&wanted, &k.to_lowercase()), k)).min()?;
    (best.0 <= wanted.len().max(3) / 3).then_some(best.1.as_str())
}

fn distance(a: &[char], b: &str) -> usize {
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (i, cb) in b.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &ca) in a.iter().enumerate() {
            let substitute = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[a.len()]
}
