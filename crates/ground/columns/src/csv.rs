//! CSV (RFC 4180, comma, UTF-8, a header line), strictly, or as it comes.
//!
//! A parser of its own, because the point is to say exactly what is wrong and where: an unclosed quote, text
//! after a closing quote and a short last line are errors here that lenient readers pass over.

use std::borrow::Cow;
use std::collections::BTreeMap;

use types::{DataType, Field, Schema};

use crate::Table;
use crate::error::{Error, Place, quote};
use crate::infer::{Builder, Inference};

/// What pandas takes for a missing value (`pandas._libs.parsers.STR_NA_VALUES`).
const MISSING: [&str; 19] = [
    "", "NaN", "nan", "NA", "N/A", "n/a", "null", "NULL", "None", "<NA>", "#N/A", "#NA", "#N/A N/A", "-NaN",
    "-nan", "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN",
];

/// How much is put up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Strict,
    /// For a look at a file: as pandas parses it, with the types of a strict reader. A column of several types is text.
    Loose,
    /// Types, too, are those that pandas infers: `007` is 7, days and times are text, a column of nothing is of floats.
    Pandas,
}

/// Reads CSV. `file` is the name that errors show.
///
/// An empty unquoted field is null; a quoted empty one is the empty string. Without a `schema` types are
/// inferred from all rows (see `MixedTypes` in [`Error`]); with one, columns are matched by name, may stand in
/// any order, must all be there, and come back in the schema's order.
pub fn read_csv(file: &str, bytes: &[u8], schema: Option<&Schema>) -> Result<Table, Error> {
    read_typed(file, bytes, schema, &BTreeMap::new())
}

/// Columns that `types` names are not inferred but have that type.
pub(crate) fn read_typed(
    file: &str,
    bytes: &[u8],
    schema: Option<&Schema>,
    types: &BTreeMap<String, DataType>,
) -> Result<Table, Error> {
    read(file, bytes, schema, types, Manner::Strict)
}

/// Not strictly: words such as `NA` are missing values, short rows end in them, blank lines are none, a quote inside of a
/// value is part of it, columns without a name or with one that was there get one, and there may be no rows.
/// Errors: `Empty`, `BadUtf8`, `Separator`, `Ragged` for a row that is too long, `Truncated` in a quote.
pub(crate) fn read_loosely(file: &str, bytes: &[u8], manner: Manner) -> Result<Table, Error> {
    read(file, bytes, None, &BTreeMap::new(), manner)
}

fn read(
    file: &str,
    bytes: &[u8],
    schema: Option<&Schema>,
    types: &BTreeMap<String, DataType>,
    manner: Manner,
) -> Result<Table, Error> {
    let text = utf8(file, bytes)?;
    if text.trim_ascii().is_empty() {
        return Err(Error::Empty { file: file.into() });
    }
    let mut rows = Rows { manner, ..Rows::strict(file, text, 1) };
    let mut cells = Vec::new();
    rows.next_row(&mut cells)?;
    let trimmed = |text: &str| if manner == Manner::Pandas { text } else { text.trim_ascii() }.to_owned();
    let mut header: Vec<String> = cells.iter().map(|c| trimmed(&c.text)).collect();
    if manner != Manner::Strict {
        header = named(header);
    }
    check_header(file, &header)?;
    let fields = match schema {
        Some(schema) => match_header(file, &header, schema)?,
        None => infer(rows.clone(), &header, types)?,
    };
    let table = build(rows, &header, &fields)?;
    match schema {
        Some(schema) => table.select(&schema.names().collect::<Vec<_>>()),
        None => Ok(table),
    }
}

pub(crate) fn utf8<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, Error> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|&&b| b == b'\n').count() as u64 + 1;
        let lead = String::from_utf8_lossy(&before[start..]);
        let tail: String = lead.chars().rev().take(40).collect::<Vec<_>>().into_iter().rev().collect();
        Error::BadUtf8 { file: file.into(), line, byte: before.len() - start + 1, before: tail }
    })
}

/// Every column with a name of its own, as pandas gives them: `Unnamed: 0`, `x`, `x.1`.
fn named(header: Vec<String>) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    for (i, name) in header.into_iter().enumerate() {
        let name = if name.is_empty() { format!("Unnamed: {i}") } else { name };
        let mut own = name.clone();
        let mut again = 0;
        while names.contains(&own) {
            again += 1;
            own = format!("{name}.{again}");
        }
        names.push(own);
    }
    names
}

pub(crate) fn check_header(file: &str, header: &[String]) -> Result<(), Error> {
    if let [only] = header {
        let separator =
            [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")].into_iter().find(|(c, _)| only.contains(*c));
        if let Some((_, separator)) = separator {
            return Err(Error::Separator { file: file.into(), header: quote(only), separator });
        }
    }
    for (i, name) in header.iter().enumerate() {
        if name.is_empty() {
            return Err(Error::UnnamedColumn { file: file.into(), number: i + 1 });
        }
        if let Some(first) = header[..i].iter().position(|n| n == name) {
            let (column, first, second) = (name.clone(), first + 1, i + 1);
            return Err(Error::DuplicateColumn { file: file.into(), column, first, second });
        }
    }
    Ok(())
}

pub(crate) fn match_header(file: &str, header: &[String], schema: &Schema) -> Result<Vec<Field>, Error> {
    if let Some(field) = schema.fields.iter().find(|f| !header.contains(&f.name)) {
        let (column, found) = (field.name.clone(), header.to_vec());
        // A misspelt column is both unknown and missing: the unknown one is what the writer can mend.
        if let Some(unknown) = header.iter().find(|h| schema.field(h).is_none()) {
            let expected = schema.names().map(str::to_owned).collect();
            return Err(Error::UnknownColumn { file: file.into(), column: unknown.clone(), expected });
        }
        return Err(Error::MissingColumn { file: file.into(), column, found });
    }
    header
        .iter()
        .map(|name| {
            schema.field(name).cloned().ok_or_else(|| Error::UnknownColumn {
                file: file.into(),
                column: name.clone(),
                expected: schema.names().map(str::to_owned).collect(),
            })
        })
        .collect()
}

fn infer(
    mut rows: Rows<'_>,
    header: &[String],
    types: &BTreeMap<String, DataType>,
) -> Result<Vec<Field>, Error> {
    let mut columns: Vec<Inference> = header.iter().map(|_| Inference::default()).collect();
    let mut cells = Vec::new();
    while let Some(line) = rows.next_data(&mut cells, header.len())? {
        for (cell, column) in cells.iter().zip(&mut columns) {
            if rows.is_missing(cell) { column.see_null() } else { column.see(&cell.text, Place::Line(line)) }
        }
    }
    let named = header.iter().zip(columns);
    named
        .map(|(name, column)| {
            let nullable = column.nullable();
            let data_type = match types.get(name) {
                Some(&declared) => declared,
                None => match rows.manner {
                    Manner::Strict => column.data_type(rows.file, name)?,
                    Manner::Loose => column.data_type_or_text(),
                    Manner::Pandas => column.data_type_of_pandas(),
                },
            };
            Ok(Field { name: name.clone(), data_type, nullable })
        })
        .collect()
}

fn build(mut rows: Rows<'_>, header: &[String], fields: &[Field]) -> Result<Table, Error> {
    let file = rows.file;
    let mut builders: Vec<Builder> = fields.iter().map(|f| Builder::new(f.data_type)).collect();
    let mut cells = Vec::new();
    let mut count = 0_u64;
    while let Some(line) = rows.next_data(&mut cells, header.len())? {
        count += 1;
        for ((cell, field), builder) in cells.iter().zip(fields).zip(&mut builders) {
            let (place, column) = (Place::Line(line), || field.name.clone());
            if rows.is_missing(cell) {
                if !field.nullable {
                    return Err(Error::MissingValue { file: file.into(), place, column: column() });
                }
                builder.push_null();
            } else if !builder.push_text(&cell.text) {
                let (value, expected) = (quote(&cell.text), field.data_type);
                return Err(Error::WrongType { file: file.into(), place, column: column(), value, expected });
            }
        }
    }
    if count == 0 && rows.manner == Manner::Strict {
        return Err(Error::NoRows { file: file.into() });
    }
    Table::with_schema(
        Schema { fields: fields.to_vec() },
        builders.into_iter().map(Builder::finish).collect(),
    )
}

pub(crate) struct Cell<'a> {
    pub text: Cow<'a, str>,
    quoted: bool,
}

impl Cell<'_> {
    pub fn is_null(&self) -> bool {
        !self.quoted && self.text.trim_ascii().is_empty()
    }
}

#[derive(Clone)]
pub(crate) struct Rows<'a> {
    pub file: &'a str,
    pub rest: &'a str,
    /// Of the start of `rest`, from 1.
    pub line: u64,
    manner: Manner,
}

impl<'a> Rows<'a> {
    /// `line` is where `rest` starts in the file.
    pub fn strict(file: &'a str, rest: &'a str, line: u64) -> Self {
        Self { file, rest, line, manner: Manner::Strict }
    }

    fn is_missing(&self, cell: &Cell<'_>) -> bool {
        match self.manner {
            Manner::Strict => cell.is_null(),
            Manner::Loose => cell.is_null() || MISSING.contains(&&*cell.text),
            Manner::Pandas => MISSING.contains(&&*cell.text),
        }
    }

    /// Passes over lines without anything.
    fn skip_blank(&mut self) {
        while let Some(end) = self.rest.find('\n').filter(|end| self.rest[..*end].trim_ascii().is_empty()) {
            self.rest = &self.rest[end + 1..];
            self.line += 1;
        }
    }

    /// The next row with as many fields as the header, and its line.
    pub fn next_data(&mut self, cells: &mut Vec<Cell<'a>>, expected: usize) -> Result<Option<u64>, Error> {
        if self.rest.trim_ascii_start().is_empty() {
            return Ok(None);
        }
        let loose = self.manner != Manner::Strict;
        // Of one column a blank line is a missing value.
        if loose && expected > 1 {
            self.skip_blank();
        }
        let line = self.line;
        let ended = self.next_row(cells)?;
        while loose && cells.len() < expected {
            cells.push(Cell { text: Cow::Borrowed(""), quoted: false });
        }
        if cells.len() == expected {
            return Ok(Some(line));
        }
        if !ended && cells.len() < expected {
            let detail =
                format!("its last line {line} has {} of {expected} fields and no line end", cells.len());
            return Err(Error::Truncated { file: self.file.into(), detail });
        }
        Err(Error::Ragged { file: self.file.into(), line, found: cells.len(), expected })
    }

    /// Reads one row; true if a line end closed it, false if the file did.
    pub fn next_row(&mut self, cells: &mut Vec<Cell<'a>>) -> Result<bool, Error> {
        cells.clear();
        loop {
            let quoted = self.rest.starts_with('"');
            let text = if quoted { self.quoted()? } else { self.plain()? };
            cells.push(Cell { text, quoted });
            if let Some(rest) = self.rest.strip_prefix(',') {
                self.rest = rest;
                continue;
            }
            let rest = self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix('\n'));
            let Some(rest) = rest.or_else(|| self.rest.strip_prefix('\r')) else {
                return Ok(false);
            };
            self.rest = rest;
            self.line += 1;
            return Ok(true);
        }
    }

    fn plain(&mut self) -> Result<Cow<'a, str>, Error> {
        let bytes = self.rest.as_bytes();
        let strict = self.manner == Manner::Strict;
        let ends = |b: &u8| matches!(b, b',' | b'\n' | b'\r') || strict && *b == b'"';
        let end = bytes.iter().position(ends).unwrap_or(bytes.len());
        if strict && bytes.get(end) == Some(&b'"') {
            let detail = format!("a quote inside the unquoted value `{}`", quote(&self.rest[..=end]));
            return Err(Error::Quote { file: self.file.into(), line: self.line, detail });
        }
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(Cow::Borrowed(text))
    }

    fn quoted(&mut self) -> Result<Cow<'a, str>, Error> {
        let start_line = self.line;
        let inner = &self.rest[1..];
        let mut from = 0;
        loop {
            let Some(at) = inner[from..].find('"').map(|i| from + i) else {
                let detail = format!("the quote opened in line {start_line} is never closed");
                return Err(Error::Truncated { file: self.file.into(), detail });
            };
            if inner[at + 1..].starts_with('"') {
                from = at + 2;
                continue;
            }
            let text = &inner[..at];
            self.line += text.bytes().filter(|&b| b == b'\n').count() as u64;
            self.rest = &inner[at + 1..];
            if !matches!(self.rest.as_bytes().first(), None | Some(b',' | b'\n' | b'\r')) {
                let end = self.rest.find([',', '\n', '\r']).unwrap_or(self.rest.len());
                if self.manner != Manner::Strict {
                    let (more, rest) = self.rest.split_at(end);
                    self.rest = rest;
                    return Ok(format!("{}{more}", text.replace("\"\"", "\"")).into());
                }
                let detail = format!("`{}` after the closing quote", quote(&self.rest[..end]));
                return Err(Error::Quote { file: self.file.into(), line: self.line, detail });
            }
            return Ok(if text.contains('"') { text.replace("\"\"", "\"").into() } else { text.into() });
        }
    }
}
