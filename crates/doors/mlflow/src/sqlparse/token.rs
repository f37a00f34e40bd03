//! Tokens and groups of tokens.

/// `sqlparse.tokens`: what a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A group is no token.
    Group,
    Whitespace,
    Newline,
    Comment,
    Assignment,
    Punctuation,
    Wildcard,
    Name,
    Placeholder,
    Builtin,
    Command,
    Keyword,
    Dml,
    Ddl,
    Dcl,
    Cte,
    Order,
    TzCast,
    Hexadecimal,
    Float,
    Integer,
    /// In single quotes.
    Text,
    /// In double quotes.
    Symbol,
    Comparison,
    Operator,
    /// Between dollars.
    Literal,
    Error,
}

impl Kind {
    pub fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Keyword | Self::Dml | Self::Ddl | Self::Dcl | Self::Cte | Self::Order | Self::TzCast
        )
    }

    pub fn is_name(self) -> bool {
        matches!(self, Self::Name | Self::Placeholder | Self::Builtin)
    }

    pub fn is_number(self) -> bool {
        matches!(self, Self::Hexadecimal | Self::Float | Self::Integer)
    }

    /// `T_NUMERICAL + T_STRING + T_NAME` of the grouping rules.
    pub fn is_value(self) -> bool {
        matches!(
            self,
            Self::Integer | Self::Float | Self::Text | Self::Symbol | Self::Name | Self::Placeholder
        )
    }
}

/// `sqlparse.sql`: what a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Not a group.
    Token,
    Statement,
    Comment,
    SquareBrackets,
    Parenthesis,
    Case,
    If,
    For,
    Begin,
    Over,
    Function,
    Where,
    Identifier,
    IdentifierList,
    TypedLiteral,
    Operation,
    Comparison,
    Assignment,
    Values,
}

/// A token, or a group of adjacent nodes.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub kind: Kind,
    pub class: Class,
    source: &'a str,
    /// Bytes of `source`.
    start: usize,
    end: usize,
    /// Levels of groups, this one counted; 0 for a token.
    pub height: usize,
    pub children: Vec<Node<'a>>,
}

impl<'a> Node<'a> {
    pub fn token(source: &'a str, kind: Kind, start: usize, end: usize) -> Self {
        Self { kind, class: Class::Token, source, start, end, height: 0, children: Vec::new() }
    }

    /// `children` must not be empty.
    pub fn group(class: Class, children: Vec<Node<'a>>) -> Self {
        let (source, start, end) = match (children.first(), children.last()) {
            (Some(first), Some(last)) => (first.source, first.start, last.end),
            _ => ("", 0, 0),
        };
        let height = 1 + children.iter().map(|c| c.height).max().unwrap_or(0);
        Self { kind: Kind::Group, class, source, start, end, height, children }
    }

    /// Appends what follows the group in the text.
    pub fn extend(&mut self, more: impl IntoIterator<Item = Node<'a>>) {
        for node in more {
            self.end = node.end;
            self.height = self.height.max(1 + node.height);
            self.children.push(node);
        }
    }

    /// The node without its children: all that the rules of grouping look at.
    pub fn head(&self) -> Self {
        Self { children: Vec::new(), ..*self }
    }

    pub fn is(&self, other: &Self) -> bool {
        (self.kind, self.class, self.start, self.end) == (other.kind, other.class, other.start, other.end)
    }

    /// As it stands in the text.
    pub fn text(&self) -> &'a str {
        self.source.get(self.start..self.end).unwrap_or("")
    }

    pub fn is_group(&self) -> bool {
        self.class != Class::Token
    }

    pub fn is_whitespace(&self) -> bool {
        matches!(self.kind, Kind::Whitespace | Kind::Newline)
    }

    /// `Token.match`: of this kind exactly, with one of these texts; keywords in any case.
    pub fn matches(&self, kind: Kind, texts: &[&str]) -> bool {
        self.kind == kind
            && if kind.is_keyword() {
                let upper = self.text().to_uppercase();
                texts.iter().any(|t| *t == upper)
            } else {
                texts.contains(&self.text())
            }
    }

    /// The keyword in capitals, or the text as it is.
    pub fn normalized(&self) -> String {
        if self.kind.is_keyword() { self.text().to_uppercase() } else { self.text().to_owned() }
    }

    /// The first child at or after `from` that is not whitespace.
    pub fn next(&self, from: usize) -> Option<usize> {
        (from..self.children.len()).find(|i| !self.children[*i].is_whitespace())
    }

    /// The last child before `before` that is not whitespace.
    pub fn previous(&self, before: usize) -> Option<usize> {
        (0..before).rev().find(|i| !self.children[*i].is_whitespace())
    }

    pub fn find(&self, from: usize, wanted: impl Fn(&Node<'a>) -> bool) -> Option<usize> {
        (from..self.children.len()).find(|i| wanted(&self.children[*i]))
    }

    /// Children that are not whitespace.
    pub fn solid(&self) -> impl Iterator<Item = &Node<'a>> {
        self.children.iter().filter(|c| !c.is_whitespace())
    }
}
