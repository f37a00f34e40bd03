//! What looks like data about persons: columns by their values and by their names.

use columns::Table;
use serde::{Deserialize, Serialize};
use types::DataType;

use crate::Error;

/// Rows that are looked at, evenly taken from the table.
const SAMPLE: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PiiKind {
    Email,
    Phone,
    /// Passes Luhn's check.
    CreditCard,
    /// Passes the check of ISO 13616.
    Iban,
    SocialSecurityNumber,
    IpAddress,
    Name,
    Address,
    BirthDate,
    Location,
    /// Any other number or name that stands for one person.
    Identifier,
}

/// What was found in one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PiiFinding {
    pub column: String,
    pub kind: PiiKind,
    /// Of the values that were looked at; 0 where the column's name alone says so.
    pub share: f64,
    pub values: usize,
    /// The first rows (from 0) that look so; the values themselves stay where they are.
    pub rows: Vec<usize>,
    /// `values`, `name`, or both.
    pub because: Vec<String>,
}

/// Columns that look like data about persons. Errors: `Columns`.
pub fn pii(table: &Table) -> Result<Vec<PiiFinding>, Error> {
    let mut out = Vec::new();
    let step = (table.rows() / SAMPLE).max(1);
    let patterns = Patterns::new().map_err(Error::Stopped)?;
    for field in &table.schema().fields {
        if field.name == datasets::ROW_ID {
            continue;
        }
        let named = by_name(&field.name, field.data_type);
        let mut found: Vec<PiiFinding> = Vec::new();
        if matches!(field.data_type, DataType::String | DataType::Integer) {
            let texts = table.texts(&field.name)?;
            let looked: Vec<(usize, &str)> = texts
                .iter()
                .enumerate()
                .step_by(step)
                .filter_map(|(row, text)| text.as_deref().map(|t| (row, t.trim())))
                .filter(|(_, t)| !t.is_empty())
                .collect();
            for kind in patterns.kinds(field.data_type) {
                let rows: Vec<usize> =
                    looked.iter().filter(|(_, t)| patterns.is(kind, t)).map(|(row, _)| *row).collect();
                let share = rows.len() as f64 / looked.len().max(1) as f64;
                // One address in a free text is worth telling; numbers by chance are not.
                let least = if matches!(kind, PiiKind::Email | PiiKind::Iban) { 0.0 } else { 0.2 };
                if !rows.is_empty() && share > least {
                    let because = vec!["values".to_owned()];
                    let (column, values) = (field.name.clone(), looked.len());
                    let rows = rows.into_iter().take(5).collect();
                    found.push(PiiFinding { column, kind, share, values, rows, because });
                }
            }
        }
        if let Some(kind) = named {
            match found.iter_mut().find(|f| f.kind == kind) {
                Some(known) => known.because.push("name".into()),
                None => found.push(PiiFinding {
                    column: field.name.clone(),
                    kind,
                    share: 0.0,
                    values: 0,
                    rows: Vec::new(),
                    because: vec!["name".into()],
                }),
            }
        }
        out.extend(found);
    }
    Ok(out)
}

/// Looks for data about persons in single texts, cheaply: most texts are passed over after one look at their bytes.
pub struct PersonalData(Patterns);

/// Bytes of a text that are looked at.
const LOOKED_AT: usize = 512;

impl PersonalData {
    /// Errors: `Stopped`, which no pattern of this house leads to.
    pub fn new() -> Result<Self, Error> {
        Patterns::new().map(Self).map_err(Error::Stopped)
    }

    /// An address of e-mail in the text, or a text that is a phone, card, account or social security number as a whole.
    /// Names and addresses cannot be told from other texts.
    pub fn find(&self, text: &str) -> Option<PiiKind> {
        let text = text[..text.floor_char_boundary(LOOKED_AT)].trim();
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let kinds: &[PiiKind] = match () {
            () if text.contains('@') => &[PiiKind::Email],
            () if digits >= 8 => {
                &[PiiKind::SocialSecurityNumber, PiiKind::CreditCard, PiiKind::Iban, PiiKind::Phone]
            }
            () => return None,
        };
        kinds.iter().copied().find(|kind| self.0.is(*kind, text))
    }
}

struct Patterns {
    email: regex::Regex,
    phone: regex::Regex,
    ssn: regex::Regex,
}

impl Patterns {
    fn new() -> Result<Self, String> {
        let make = |text: &str| regex::Regex::new(text).map_err(|e| e.to_string());
        Ok(Self {
            email: make(r"(?i)\b[a-z0-9._%+-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}\b")?,
            phone: make(r"^(\+|00)[1-9][0-9 ()./-]{6,18}$|^\(?[0-9]{3}\)?[ .-][0-9]{3}[ .-][0-9]{4}$")?,
            ssn: make(r"^[0-9]{3}-[0-9]{2}-[0-9]{4}$")?,
        })
    }

    fn kinds(&self, data_type: DataType) -> Vec<PiiKind> {
        match data_type {
            DataType::Integer => vec![PiiKind::CreditCard],
            _ => vec![
                PiiKind::Email,
                PiiKind::Phone,
                PiiKind::CreditCard,
                PiiKind::Iban,
                PiiKind::SocialSecurityNumber,
                PiiKind::IpAddress,
            ],
        }
    }

    fn is(&self, kind: PiiKind, text: &str) -> bool {
        match kind {
            PiiKind::Email => self.email.is_match(text),
            PiiKind::Phone => self.phone.is_match(text),
            PiiKind::SocialSecurityNumber => self.ssn.is_match(text),
            PiiKind::CreditCard => card(text),
            PiiKind::Iban => iban(text),
            PiiKind::IpAddress => text.parse::<std::net::IpAddr>().is_ok(),
            _ => false,
        }
    }
}

/// 13 to 19 digits, not all the same, that pass Luhn's check.
pub(crate) fn card(text: &str) -> bool {
    if !text.chars().all(|c| c.is_ascii_digit() || c == ' ' || c == '-') {
        return false;
    }
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    if !(13..=19).contains(&digits.len()) || digits.iter().all(|d| *d == digits[0]) {
        return false;
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| {
            if i % 2 == 0 {
                *d
            } else if *d > 4 {
                d * 2 - 9
            } else {
                d * 2
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Two letters, two digits, up to 30 more, whose number is 1 modulo 97.
pub(crate) fn iban(text: &str) -> bool {
    let bare: Vec<char> = text.chars().filter(|c| *c != ' ').collect();
    let head = bare.len() >= 15 && bare.len() <= 34 && bare[..2].iter().all(char::is_ascii_uppercase);
    if !head || !bare[2..4].iter().all(char::is_ascii_digit) || !bare.iter().all(char::is_ascii_alphanumeric)
    {
        return false;
    }
    let moved = bare[4..].iter().chain(&bare[..4]);
    let mut rest = 0_u64;
    for c in moved {
        let Some(value) = c.to_digit(36) else { return false };
        rest = (rest * if value > 9 { 100 } else { 10 } + u64::from(value)) % 97;
    }
    rest == 1
}

pub(crate) fn by_name(column: &str, data_type: DataType) -> Option<PiiKind> {
    let words: Vec<String> = words(column);
    let has = |list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    let both = |a: &str, b: &[&str]| has(&[a]) && has(b);
    Some(if has(&["email", "mail"]) {
        PiiKind::Email
    } else if has(&["phone", "telephone", "mobile", "fax"]) {
        PiiKind::Phone
    } else if has(&["iban"]) {
        PiiKind::Iban
    } else if has(&["ssn"]) || both("social", &["security"]) {
        PiiKind::SocialSecurityNumber
    } else if has(&["surname", "lastname", "firstname", "fullname"])
        || both("name", &["first", "last", "full", "given", "family", "customer", "patient", "person"])
    {
        PiiKind::Name
    } else if has(&["street", "address"]) && !has(&["ip", "mac", "url"]) {
        PiiKind::Address
    } else if has(&["dob", "birthdate", "birthday"]) || both("birth", &["date", "day"]) {
        PiiKind::BirthDate
    } else if has(&["latitude", "longitude"]) && data_type == DataType::Float {
        PiiKind::Location
    } else if has(&["passport", "license", "licence"])
        || both("id", &["customer", "patient", "person", "user", "member"])
    {
        PiiKind::Identifier
    } else {
        return None;
    })
}

/// `customerFirst_name` has three words.
fn words(column: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut lower = false;
    for c in column.chars() {
        if !c.is_alphanumeric() {
            out.push(String::new());
        } else {
            if c.is_uppercase() && lower {
                out.push(String::new());
            }
            if let Some(word) = out.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        lower = c.is_lowercase();
    }
    out.retain(|w| !w.is_empty());
    out
}

#[cfg(test)]
mod tests {
    use columns::column;

    use super::*;

    #[test]
    fn persons_are_found_by_values_and_by_names() {
        let text = |values: [&str; 3]| column::strings(values.map(Some));
        let table = Table::new(vec![
            ("contact".into(), text(["ann@example.org", "see bob@x.co", "none"])),
            ("card".into(), text(["4111 1111 1111 1111", "5500005555555559", "x"])),
            ("account".into(), text(["DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "-"])),
            ("customerFirstName".into(), text(["Ann", "Bob", "Cy"])),
            ("order_id".into(), column::integers([Some(1), Some(2), Some(3)])),
            ("ip".into(), text(["10.0.0.1", "::1", "10.0.0.2"])),
        ])
        .unwrap();
        let found: Vec<(String, PiiKind)> =
            pii(&table).unwrap().into_iter().map(|f| (f.column, f.kind)).collect();
        let wanted = [
            ("contact", PiiKind::Email),
            ("card", PiiKind::CreditCard),
            ("account", PiiKind::Iban),
            ("customerFirstName", PiiKind::Name),
            ("ip", PiiKind::IpAddress),
        ];
        assert_eq!(found, wanted.map(|(c, k)| (c.to_owned(), k)));
    }
}
