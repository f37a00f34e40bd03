//! `sqlparse.engine.statement_splitter`: where one statement ends and the next begins.

use super::{Class, Kind, Node};

#[derive(Default)]
struct Splitter {
    blocks: Vec<&'static str>,
    /// `FOR` or `WHILE` whose `LOOP` or `DO` is still to come.
    unconfirmed: Option<&'static str>,
    is_create: bool,
    seen_begin: bool,
    /// The statement is over; only whitespace still belongs to it.
    over: bool,
    level: i64,
}

/// The statements that the tokens make; the last one only if it is not blank.
pub(crate) fn statements<'a>(tokens: Vec<Node<'a>>) -> Vec<Node<'a>> {
    let mut found = Vec::new();
    let mut current = Vec::new();
    let mut splitter = Splitter::default();
    for token in tokens {
        let text = token.text();
        // Not `/* */`, nor the hints `--+` and `/*+ */`.
        let single_comment =
            token.kind == Kind::Comment && !text.starts_with('/') && !text[2..].starts_with('+');
        if splitter.over && token.kind != Kind::Whitespace && !single_comment {
            found.push(Node::group(Class::Statement, std::mem::take(&mut current)));
            splitter = Splitter::default();
        }
        splitter.read(&token);
        current.push(token);
    }
    if current.iter().any(|t| !t.is_whitespace()) {
        found.push(Node::group(Class::Statement, current));
    }
    found
}

impl Splitter {
    fn read(&mut self, token: &Node<'_>) {
        let upper = if token.kind.is_keyword() { token.text().to_uppercase() } else { String::new() };
        self.level += self.change(token, &upper);
        if token.kind == Kind::Punctuation && token.text() == ";" {
            self.seen_begin = false;
            self.over |= self.level <= 0 && !self.blocks.contains(&"BEGIN");
        } else if token.kind == Kind::Keyword && token.text().split_whitespace().next() == Some("GO") {
            self.over = true;
        } else {
            let begins = token.kind == Kind::Keyword && upper == "BEGIN";
            self.seen_begin &= begins || token.is_whitespace() || token.kind == Kind::Comment;
        }
    }

    fn pop_if(&mut self, wanted: &[&str]) -> i64 {
        if self.blocks.last().is_some_and(|last| wanted.contains(last)) {
            self.blocks.pop();
            return -1;
        }
        0
    }

    fn change(&mut self, token: &Node<'_>, upper: &str) -> i64 {
        if token.kind == Kind::Punctuation {
            return match token.text() {
                ";" => {
                    self.unconfirmed = None;
                    if std::mem::take(&mut self.seen_begin) { self.pop_if(&["BEGIN"]) } else { 0 }
                }
                "(" => 1,
                ")" => -1,
                _ => 0,
            };
        }
        if !token.kind.is_keyword() {
            return 0;
        }
        if token.kind == Kind::Ddl && upper.starts_with("CREATE") {
            self.is_create = true;
            return 0;
        }
        if upper == "DECLARE" && self.is_create && self.blocks.is_empty() {
            self.blocks.push("DECLARE");
            return 1;
        }
        if upper == "BEGIN" {
            self.seen_begin = true;
            let declared = self.pop_if(&["DECLARE"]);
            self.blocks.push("BEGIN");
            return 1 + declared;
        }
        let transaction =
            ["TRANSACTION", "WORK", "TRAN", "DISTRIBUTED", "DEFERRED", "IMMEDIATE", "EXCLUSIVE"];
        if self.seen_begin && token.kind == Kind::Keyword && transaction.contains(&upper) {
            self.seen_begin = false;
            return self.pop_if(&["BEGIN"]);
        }
        if self.blocks.contains(&"BEGIN")
            && let Some(change) = self.nested(upper)
        {
            return change;
        }
        match upper {
            "END IF" => self.pop_if(&["IF"]),
            "END FOR" => self.pop_if(&["FOR"]),
            "END WHILE" => self.pop_if(&["WHILE"]),
            "END LOOP" => self.pop_if(&["LOOP", "FOR", "WHILE"]),
            "END CASE" => self.pop_if(&["CASE"]),
            "END" => {
                self.blocks.pop();
                -1
            }
            _ => 0,
        }
    }

    fn nested(&mut self, upper: &str) -> Option<i64> {
        match upper {
            "FOR" => self.unconfirmed = Some("FOR"),
            "WHILE" => self.unconfirmed = Some("WHILE"),
            "LOOP" | "DO" => match self.unconfirmed.take() {
                Some(start) => {
                    self.blocks.push(start);
                    return Some(1);
                }
                None if upper == "LOOP" => {
                    self.blocks.push("LOOP");
                    return Some(1);
                }
                None => return None,
            },
            "IF" => {
                self.blocks.push("IF");
                return Some(1);
            }
            "CASE" => {
                self.blocks.push("CASE");
                return Some(1);
            }
            _ => return None,
        }
        Some(0)
    }
}
