//! The subset of Python's literals that numpy writes into a header.

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Literal>),
    Dict(Vec<(String, Literal)>),
}

impl Literal {
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Dict(items) => items.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }
}

/// Nesting of a header: a list of tuples of texts is 3.
const DEEPEST: usize = 8;

pub(crate) fn literal(text: &str) -> Option<Literal> {
    let mut reader = Reader { rest: text.trim() };
    let value = reader.value(0)?;
    reader.rest.trim().is_empty().then_some(value)
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, c: char) -> bool {
        self.skip();
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn text(&mut self) -> Option<&'t str> {
        self.skip();
        let quote = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (text, rest) = self.rest[1..].split_once(quote)?;
        self.rest = rest;
        Some(text)
    }

    fn value(&mut self, depth: usize) -> Option<Literal> {
        if depth > DEEPEST {
            return None;
        }
        self.skip();
        let first = self.rest.chars().next()?;
        match first {
            '\'' | '"' => self.text().map(|t| Literal::Text(t.to_owned())),
            '(' | '[' => {
                let close = if first == '(' { ')' } else { ']' };
                self.rest = &self.rest[1..];
                let mut items = Vec::new();
                while !self.eat(close) {
                    items.push(self.value(depth + 1)?);
                    if !self.eat(',') {
                        return self.eat(close).then_some(Literal::List(items));
                    }
                }
                Some(Literal::List(items))
            }
            '{' => {
                self.rest = &self.rest[1..];
                let mut items = Vec::new();
                while !self.eat('}') {
                    let key = self.text()?.to_owned();
                    if !self.eat(':') {
                        return None;
                    }
                    items.push((key, self.value(depth + 1)?));
                    if !self.eat(',') {
                        return self.eat('}').then_some(Literal::Dict(items));
                    }
                }
                Some(Literal::Dict(items))
            }
            _ => {
                let end =
                    self.rest.find(|c: char| !c.is_alphanumeric() && c != '-').unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at(end);
                self.rest = rest;
                match word {
                    "True" => Some(Literal::Boolean(true)),
                    "False" => Some(Literal::Boolean(false)),
                    number => number.parse().ok().map(Literal::Integer),
                }
            }
        }
    }
}
