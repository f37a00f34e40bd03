//! Data about persons, taken out of values: what [`crate::pii`] finds in whole columns, found in single values and inside texts.

use std::borrow::Cow;

use regex::{Captures, Regex};
use types::DataType;

use crate::pii::{PiiKind, by_name, card, iban};

/// What stands for a value that was taken out.
fn sign(kind: PiiKind) -> &'static str {
    match kind {
        PiiKind::Email => "<email>",
        PiiKind::Phone => "<phone>",
        PiiKind::CreditCard => "<credit_card>",
        PiiKind::Iban => "<iban>",
        PiiKind::SocialSecurityNumber => "<social_security_number>",
        PiiKind::IpAddress => "<ip_address>",
        PiiKind::Name => "<name>",
        PiiKind::Address => "<address>",
        PiiKind::BirthDate => "<birth_date>",
        PiiKind::Location => "<location>",
        PiiKind::Identifier => "<identifier>",
    }
}

/// Takes personal data out of values. Made once: it compiles patterns.
#[derive(Debug)]
pub struct Mask {
    patterns: Vec<(PiiKind, Regex)>,
}

impl Mask {
    /// Errors: `Stopped`, if a pattern does not compile, which a test would have told.
    pub fn new() -> Result<Self, crate::Error> {
        // The most telling first: what one took out, the others do not see.
        let patterns = [
            (PiiKind::Email, r"(?i)\b[a-z0-9._%+-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}\b"),
            (PiiKind::Iban, r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Za-z0-9]){11,30}\b"),
            (PiiKind::CreditCard, r"\b[0-9](?:[ -]?[0-9]){12,18}\b"),
            (PiiKind::SocialSecurityNumber, r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b"),
            (PiiKind::IpAddress, r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b"),
            (
                PiiKind::Phone,
                r"(?:\+|\b00)[1-9][0-9 ()./-]{5,17}[0-9]\b|\(?\b[0-9]{3}\)?[ .-][0-9]{3}[ .-][0-9]{4}\b",
            ),
        ];
        let compiled = patterns.into_iter().map(|(kind, text)| Ok((kind, Regex::new(text)?)));
        let compiled: Result<_, regex::Error> = compiled.collect();
        Ok(Self { patterns: compiled.map_err(|e| crate::Error::Stopped(e.to_string()))? })
    }

    /// What stands for every value of a column whose name says that it is about a person; `None` for other columns.
    pub fn column(&self, name: &str, data_type: DataType) -> Option<&'static str> {
        by_name(name, data_type).map(sign)
    }

    /// The text with signs such as `<email>` where personal data were.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if text.parse::<std::net::IpAddr>().is_ok() {
            return Cow::Borrowed(sign(PiiKind::IpAddress));
        }
        let mut masked = Cow::Borrowed(text);
        for (kind, pattern) in &self.patterns {
            if !pattern.is_match(&masked) {
                continue;
            }
            let replace = |found: &Captures<'_>| {
                let whole = found.get(0).map_or("", |m| m.as_str());
                let is = match kind {
                    PiiKind::CreditCard => card(whole),
                    PiiKind::Iban => iban(whole),
                    PiiKind::IpAddress => whole.parse::<std::net::IpAddr>().is_ok(),
                    _ => true,
                };
                if is { sign(*kind).to_owned() } else { whole.to_owned() }
            };
            masked = Cow::Owned(pattern.replace_all(&masked, replace).into_owned());
        }
        masked
    }

    /// Whether a whole number is that of a card.
    pub fn is_personal(&self, number: i64) -> bool {
        number > 0 && card(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_are_taken_out_of_texts_and_the_rest_stays() {
        let mask = Mask::new().unwrap();
        for (text, wanted) in [
            ("write to ann.b@example.org, please", "write to <email>, please"),
            ("card 4111 1111 1111 1111 exp 12/30", "card <credit_card> exp 12/30"),
            ("5555555555554444", "<credit_card>"),
            ("pay GB82 WEST 1234 5698 7654 32", "pay <iban>"),
            ("call +49 (0)30 1234567 or 555-123-4567", "call <phone> or <phone>"),
            ("ssn 078-05-1120.", "ssn <social_security_number>."),
            ("from 10.0.0.1", "from <ip_address>"),
            ("2001:db8::1", "<ip_address>"),
            ("order 4111 1111 1111 1112 of 2026-11-27", "order 4111 1111 1111 1112 of 2026-11-27"),
            ("version 1.2.3.400", "version 1.2.3.400"),
            ("", ""),
            ("a b c", "a b c"),
        ] {
            assert_eq!(mask.text(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_columns_name_may_say_enough() {
        let mask = Mask::new().unwrap();
        assert_eq!(mask.column("customer_last_name", DataType::String), Some("<name>"));
        assert_eq!(mask.column("radius", DataType::Float), None);
        assert!(mask.is_personal(4_111_111_111_111_111));
        assert!(!mask.is_personal(42));
    }
}
