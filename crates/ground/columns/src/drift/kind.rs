use std::fmt;
use std::str::FromStr;

/// How a column is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Number,
    Category,
    Text,
    Datetime,
    /// A list of numbers a row.
    Vector,
    /// What Evidently's type inference gives no type: unsigned and nullable extension types, intervals, mixtures,
    /// columns of nulls.
    Unknown,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "num",
            Self::Category => "cat",
            Self::Text => "text",
            Self::Datetime => "datetime",
            Self::Vector => "vector",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "num" | "number" | "numerical" => Ok(Self::Number),
            "cat" | "category" | "categorical" => Ok(Self::Category),
            "text" => Ok(Self::Text),
            "vector" => Ok(Self::Vector),
            _ => Err(format!("`{text}` is no type of a column; there are num, cat, text and vector")),
        }
    }
}
