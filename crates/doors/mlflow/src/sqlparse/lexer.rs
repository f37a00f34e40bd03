//! `sqlparse.lexer`: the first rule that matches at a place makes the token. The rules are regular expressions
//! upstream; here each is written out, in upstream's order, and takes time in proportion to what it reads.

use std::collections::HashMap;

use super::{Kind, Node, TooComplex, keywords};

/// More tokens than this are refused: five times what a group may hold, since comments become one token later.
const TOKENS: usize = 50_000;

/// All tokens of `source`; together they are its whole text.
pub(crate) fn tokens(source: &str) -> Result<Vec<Node<'_>>, TooComplex> {
    let mut lexer = Lexer { source, at: 0, comment_ends: true, dollars: None };
    let mut found = Vec::new();
    while lexer.at < source.len() {
        if found.len() == TOKENS {
            return Err(TooComplex);
        }
        let start = lexer.at;
        let (kind, length) = lexer.token();
        lexer.at = start + length;
        found.push(Node::token(source, kind, start, lexer.at));
    }
    Ok(found)
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    /// Whether a `*/` may stand ahead; looked for once only, so that many `/*` take no quadratic time.
    comment_ends: bool,
    /// Where each `$tag$` stands last, once somebody asked.
    dollars: Option<HashMap<&'a str, usize>>,
}

/// Python's `\w`.
fn word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Python's `\s`.
pub(super) fn space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `[A-ZÀ-Ü]` in any case.
fn letter(c: char) -> bool {
    c.is_ascii_alphabetic()
        || ('\u{c0}'..='\u{dc}').contains(&c)
        || (('\u{e0}'..='\u{fc}').contains(&c) && c != '\u{f7}')
        || matches!(c, '\u{17f}' | '\u{212a}' | '\u{130}' | '\u{131}')
}

/// Length of the longest prefix of characters that are `wanted`.
fn run(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    text.find(|c| !wanted(c)).unwrap_or(text.len())
}

fn digits(text: &str) -> usize {
    run(text, |c| c.is_ascii_digit())
}

/// Length of `word` at the start of `text` in any case, if it is ASCII.
fn literal(text: &str, word: &str) -> Option<usize> {
    let head = text.get(..word.len())?;
    head.eq_ignore_ascii_case(word).then_some(word.len())
}

/// Length of the words with space between them, ending where a word ends.
fn phrase(text: &str, words: &[&str]) -> Option<usize> {
    let mut at = 0;
    for (place, part) in words.iter().enumerate() {
        if place > 0 {
            let gap = run(&text[at..], space);
            if gap == 0 {
                return None;
            }
            at += gap;
        }
        at += literal(&text[at..], part)?;
    }
    boundary(&text[at..]).then_some(at)
}

/// `$$` or `$name$` at the start of the text.
fn dollar_tag(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('$')?;
    let name = if inner.starts_with(|c| c == '_' || letter(c)) { run(inner, word) } else { 0 };
    inner[name..].starts_with('$').then(|| &text[..name + 2])
}

/// Whether a word ends before `rest`.
fn boundary(rest: &str) -> bool {
    !rest.chars().next().is_some_and(word)
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn before(&self) -> Option<char> {
        self.source[..self.at].chars().next_back()
    }

    fn token(&mut self) -> (Kind, usize) {
        let rest = self.rest();
        let first = rest.chars().next().unwrap_or(' ');
        self.span(rest)
            .or_else(|| comment_or_space(rest, first))
            .or_else(|| self.marked(rest, first))
            .or_else(|| self.name(rest))
            .or_else(|| number(rest, first))
            .or_else(|| self.quoted(rest, first))
            .or_else(|| keyword(rest))
            .or_else(|| plain(rest, first))
            .unwrap_or((Kind::Error, first.len_utf8()))
    }

    /// `/* … */` and `$tag$ … $tag$`.
    fn span(&mut self, rest: &'a str) -> Option<(Kind, usize)> {
        if self.comment_ends && rest.starts_with("/*") {
            let from = if rest[2..].starts_with('+') { 3 } else { 2 };
            match rest[from..].find("*/") {
                Some(end) => return Some((Kind::Comment, from + end + 2)),
                None => self.comment_ends = false,
            }
        }
        if !rest.starts_with('$') || self.before().is_some_and(|c| word(c) || c == '"' || c == '$') {
            return None;
        }
        let tag = dollar_tag(rest)?;
        let source = self.source;
        let dollars = self.dollars.get_or_insert_with(|| {
            let places = source.match_indices('$');
            places.filter_map(|(at, _)| Some((dollar_tag(&source[at..])?, at))).collect()
        });
        if dollars.get(tag).is_none_or(|last| *last < self.at + tag.len()) {
            return None;
        }
        let end = rest[tag.len()..].find(tag)?;
        Some((Kind::Literal, end + 2 * tag.len()))
    }

    /// What a sign announces: assignment, wildcard, backticks, placeholders, commands.
    fn marked(&self, rest: &str, first: char) -> Option<(Kind, usize)> {
        let after = &rest[first.len_utf8()..];
        let found = match first {
            ':' if after.starts_with('=') => return Some((Kind::Assignment, 2)),
            ':' if after.starts_with(':') => return Some((Kind::Punctuation, 2)),
            '*' => return Some((Kind::Wildcard, 1)),
            '`' | '´' => return enclosed(rest, first, false).map(|end| (Kind::Name, end)),
            '?' => return Some((Kind::Placeholder, 1)),
            '%' => {
                let inner = after.strip_prefix('(').map_or(0, |name| {
                    let length = run(name, word);
                    if length > 0 && name[length..].starts_with(')') { length + 2 } else { 0 }
                });
                let s = after[inner..].chars().next().filter(|c| matches!(c, 's' | 'S' | '\u{17f}'));
                return s.map(|s| (Kind::Placeholder, 1 + inner + s.len_utf8()));
            }
            '$' | ':' if !self.before().is_some_and(word) => (Kind::Placeholder, run(after, word)),
            '\\' => (Kind::Command, run(after, word)),
            _ => return None,
        };
        (found.1 > 0).then_some((found.0, first.len_utf8() + found.1))
    }

    /// Names that their surroundings make: after `@`, before a dot or a parenthesis, after a dot.
    fn name(&self, rest: &str) -> Option<(Kind, usize)> {
        for special in ["CASE", "IN", "VALUES", "USING", "FROM", "AS"] {
            if let Some(length) = phrase(rest, &[special]) {
                return Some((Kind::Keyword, length));
            }
        }
        for sign in ["@", "##", "#"] {
            if let Some(after) = rest.strip_prefix(sign)
                && after.starts_with(letter)
            {
                let length = run(after, word);
                if after[..length].chars().nth(1).is_some() {
                    return Some((Kind::Name, sign.len() + length));
                }
            }
        }
        if !rest.starts_with(letter) {
            return None;
        }
        let length = run(rest, word);
        let after = &rest[length..];
        let dot = after[run(after, space)..].strip_prefix('.');
        let member = dot.is_some_and(|tail| digits(tail) == 0);
        (member || self.before() == Some('.') || after.starts_with('(')).then_some((Kind::Name, length))
    }

    fn quoted(&self, rest: &str, first: char) -> Option<(Kind, usize)> {
        match first {
            '\'' => enclosed(rest, '\'', true).map(|end| (Kind::Text, end)),
            '"' => enclosed(rest, '"', true).map(|end| (Kind::Symbol, end)),
            '[' if !self.before().is_some_and(|c| word(c) || c == ']' || c == ')') => {
                let inner = run(&rest[1..], |c| c != '[' && c != ']');
                (inner > 0 && rest[1 + inner..].starts_with(']')).then_some((Kind::Name, inner + 2))
            }
            _ => None,
        }
    }
}

fn comment_or_space(rest: &str, first: char) -> Option<(Kind, usize)> {
    if rest.starts_with("--") || rest.starts_with("# ") {
        let end = rest[2..].find(['\r', '\n']).map_or(rest.len(), |end| 2 + end);
        return Some((Kind::Comment, end + line_end(&rest[end..])));
    }
    match first {
        '\r' | '\n' => Some((Kind::Newline, line_end(rest))),
        c if space(c) => Some((Kind::Whitespace, c.len_utf8())),
        _ => None,
    }
}

fn line_end(text: &str) -> usize {
    if text.starts_with("\r\n") { 2 } else { text.starts_with(['\r', '\n']).into() }
}

/// Length of a quoted piece. Doubled quotes stand inside, and with `escapes` those after a backslash; if no quote
/// closes it then, the last of those closes it after all.
fn enclosed(text: &str, quote: char, escapes: bool) -> Option<usize> {
    let mut at = quote.len_utf8();
    let mut fallback = None;
    while let Some(found) = text[at..].find(|c| c == quote || (escapes && c == '\\')) {
        at += found;
        let escaped = text[at..].starts_with('\\');
        let next = at + if escaped { 1 } else { quote.len_utf8() };
        let doubled = text[next..].starts_with(quote);
        match (escaped, doubled) {
            (false, false) => return Some(next),
            (true, false) => at = next,
            (false, true) => {
                fallback = Some(next);
                at = next + quote.len_utf8();
            }
            (true, true) => {
                at = next + quote.len_utf8();
                fallback = Some(at);
            }
        }
    }
    fallback
}

fn number(rest: &str, first: char) -> Option<(Kind, usize)> {
    let sign = usize::from(first == '-');
    let body = &rest[sign..];
    if literal(body, "0x").is_some() {
        let length = run(&body[2..], |c| c.is_ascii_hexdigit());
        if length > 0 {
            return Some((Kind::Hexadecimal, sign + 2 + length));
        }
    }
    let whole = digits(body);
    let fraction = body[whole..].strip_prefix('.').map(digits);
    let mantissa = whole + fraction.filter(|f| *f > 0).map_or(0, |f| f + 1);
    if whole > 0 && (body[mantissa..].starts_with(['e', 'E'])) {
        let power = &body[mantissa + 1..];
        let minus = usize::from(power.starts_with('-'));
        let length = digits(&power[minus..]);
        if length > 0 {
            return Some((Kind::Float, sign + mantissa + 1 + minus + length));
        }
    }
    // What follows must not be a letter; giving back a digit makes it so.
    let free = |end: usize| !body[end..].starts_with(|c| c == '_' || letter(c));
    let last = |end: usize| body[..end].chars().next_back().map_or(0, char::len_utf8);
    if let Some(fraction) = fraction.filter(|f| whole > 0 || *f > 0) {
        let end = whole + 1 + fraction;
        let least = if whole > 0 { whole + 1 } else { 2 };
        if free(end) {
            return Some((Kind::Float, sign + end));
        }
        if end > least {
            return Some((Kind::Float, sign + end - last(end)));
        }
    }
    match whole {
        0 => None,
        end if free(end) => Some((Kind::Integer, sign + end)),
        end if end > last(end) => Some((Kind::Integer, sign + end - last(end))),
        _ => None,
    }
}

/// Keywords of several words, and words that look them up.
fn keyword(rest: &str) -> Option<(Kind, usize)> {
    if !rest.starts_with(word) {
        return None;
    }
    let one = |kind: Kind, choices: &[&[&str]]| {
        choices.iter().find_map(|words| phrase(rest, words)).map(|length| (kind, length))
    };
    join(rest)
        .or_else(|| {
            let ends: [&[&str]; 6] = [
                &["END", "IF"],
                &["END", "LOOP"],
                &["END", "WHILE"],
                &["END", "FOR"],
                &["END", "CASE"],
                &["END"],
            ];
            one(Kind::Keyword, &ends)
        })
        .or_else(|| one(Kind::Keyword, &[&["IF", "NOT", "EXISTS"], &["IF", "EXISTS"], &["NOT", "NULL"]]))
        .or_else(|| {
            let orders: [&[&str]; 8] = [
                &["ASC", "NULLS", "FIRST"],
                &["ASC", "NULLS", "LAST"],
                &["DESC", "NULLS", "FIRST"],
                &["DESC", "NULLS", "LAST"],
                &["ASC"],
                &["DESC"],
                &["NULLS", "FIRST"],
                &["NULLS", "LAST"],
            ];
            one(Kind::Order, &orders)
        })
        .or_else(|| one(Kind::Keyword, &[&["UNION", "ALL"]]))
        .or_else(|| one(Kind::Ddl, &[&["CREATE", "OR", "REPLACE"], &["CREATE"]]))
        .or_else(|| one(Kind::Builtin, &[&["DOUBLE", "PRECISION"]]))
        .or_else(|| {
            let pairs: [&[&str]; 4] =
                [&["GROUP", "BY"], &["ORDER", "BY"], &["PRIMARY", "KEY"], &["HANDLER", "FOR"]];
            one(Kind::Keyword, &pairs)
        })
        .or_else(|| go(rest))
        .or_else(|| {
            let kinds = ["EXPLODE", "INLINE", "PARSE_URL_TUPLE", "POSEXPLODE", "STACK"];
            kinds.iter().find_map(|k| phrase(rest, &["LATERAL", "VIEW", k])).map(|n| (Kind::Keyword, n))
        })
        .or_else(|| time_zone(rest))
        .or_else(|| {
            let likes: [&[&str]; 10] = [
                &["NOT", "LIKE"],
                &["NOT", "ILIKE"],
                &["NOT", "RLIKE"],
                &["LIKE"],
                &["ILIKE"],
                &["RLIKE"],
                &["NOT", "REGEXP", "BINARY"],
                &["NOT", "REGEXP"],
                &["REGEXP", "BINARY"],
                &["REGEXP"],
            ];
            one(Kind::Comparison, &likes)
        })
        .or_else(|| {
            let length = run(rest, |c| word(c) || c == '$' || c == '#');
            Some((keywords::kind(&rest[..length]), length))
        })
}

fn join(rest: &str) -> Option<(Kind, usize)> {
    let step = |at: usize, choices: &[&str]| {
        let found = choices.iter().find_map(|c| literal(&rest[at..], c)).map(|n| at + n);
        found.and_then(|end| Some(end + Some(run(&rest[end..], space)).filter(|gap| *gap > 0)?)).unwrap_or(at)
    };
    let side = step(0, &["LEFT", "RIGHT", "FULL"]);
    let kind = step(side, &["INNER", "OUTER", "STRAIGHT"]);
    let other = step(0, &["CROSS", "NATURAL"]);
    [kind, other].iter().find_map(|at| Some((Kind::Keyword, at + phrase(&rest[*at..], &["JOIN"])?)))
}

fn go(rest: &str) -> Option<(Kind, usize)> {
    let at = literal(rest, "GO")?;
    let gap = rest[at..].chars().next().filter(|c| space(*c))?.len_utf8();
    let count = digits(&rest[at + gap..]);
    (count > 0 && boundary(&rest[at + gap + count..])).then_some((Kind::Keyword, at + gap + count))
}

/// `AT TIME ZONE 'x'`, and upstream's slip `WITH' TIME ZONE 'x'`.
fn time_zone(rest: &str) -> Option<(Kind, usize)> {
    let mut at = literal(rest, "AT").or_else(|| literal(rest, "WITH'"))?;
    for part in ["TIME", "ZONE", "'"] {
        let gap = run(&rest[at..], space);
        if gap == 0 {
            return None;
        }
        at += gap + literal(&rest[at + gap..], part)?;
    }
    let zone = rest[at..].find('\'').filter(|length| *length > 0)?;
    Some((Kind::TzCast, at + zone + 1))
}

fn plain(rest: &str, first: char) -> Option<(Kind, usize)> {
    if ";:()[],.".contains(first) {
        return Some((Kind::Punctuation, 1));
    }
    for operator in ["->>", "->", "#>>", "#>", "@>", "<@", "-", "#-"] {
        if rest.starts_with(operator) {
            return Some((Kind::Operator, operator.len()));
        }
    }
    let comparison = run(rest, |c| "<>=~!".contains(c));
    if comparison > 0 {
        return Some((Kind::Comparison, comparison));
    }
    let operator = run(rest, |c| "+/@#%^&|-".contains(c));
    (operator > 0).then_some((Kind::Operator, operator))
}
