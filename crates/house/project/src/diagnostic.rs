use std::fmt;

use types::{Class, Fault, Hint};

/// Where something stands in the text. Lines and columns count from 1, in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub line: usize,
    pub column: usize,
    /// In characters; 0 when unknown. May reach beyond the end of the line.
    pub length: usize,
}

/// One mistake in a project file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub at: Span,
    pub message: String,
    pub hint: Option<String>,
}

/// Every mistake that was found in one file, in the order of the lines. Displays with source excerpts.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    file: String,
    lines: Vec<String>,
    found: Vec<Diagnostic>,
}

impl Diagnostics {
    pub(crate) fn new(file: &str, text: &str, mut found: Vec<Diagnostic>) -> Self {
        found.sort_by_key(|d| d.at);
        Self { file: file.to_owned(), lines: text.lines().map(str::to_owned).collect(), found }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.found.iter()
    }

    pub fn len(&self) -> usize {
        self.found.len()
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    fn excerpt(&self, f: &mut fmt::Formatter<'_>, diagnostic: &Diagnostic) -> fmt::Result {
        let Span { line, column, length } = diagnostic.at;
        let Some(text) = line.checked_sub(1).and_then(|i| self.lines.get(i)) else { return Ok(()) };
        let gutter = line.to_string().len();
        let start = column.saturating_sub(1);
        let rest = text.chars().count().saturating_sub(start);
        let carets = length.min(rest).max(1);
        writeln!(f, "{:gutter$} |", "")?;
        writeln!(f, "{line} | {text}")?;
        writeln!(f, "{:gutter$} | {:start$}{}", "", "", "^".repeat(carets))
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.found.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            writeln!(f, "error: {}", diagnostic.message)?;
            writeln!(f, "  --> {}:{}:{}", self.file, diagnostic.at.line, diagnostic.at.column)?;
            self.excerpt(f, diagnostic)?;
            if let Some(hint) = &diagnostic.hint {
                writeln!(f, "hint: {hint}")?;
            }
        }
        match self.found.len() {
            0 | 1 => Ok(()),
            n => writeln!(f, "\n{n} errors in {}", self.file),
        }
    }
}

impl std::error::Error for Diagnostics {}

impl Fault for Diagnostics {
    fn class(&self) -> Class {
        Class::Invalid
    }

    /// The hints stand beside their errors already.
    fn hint(&self) -> Hint {
        None
    }
}
