//! The grammar of `DataFrame.query`: Python's expressions, where `&` and `|` are `and` and `or`.

use serde_json::Value;

use super::lex::{Token, tokens};
use super::{Expr, Op};

/// Nesting deeper than this is refused.
const DEEPEST: usize = 100;

/// Functions of one number.
const FUNCTIONS: [&str; 20] = [
    "abs", "sqrt", "exp", "expm1", "log", "log10", "log1p", "floor", "ceil", "sin", "cos", "tan", "arcsin",
    "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arctanh",
];

pub(super) fn query(text: &str) -> Result<Expr, String> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens, at: 0, depth: 0 };
    let expr = parser.or()?;
    match parser.tokens.get(parser.at) {
        None => Ok(expr),
        Some(token) => Err(format!("{token:?} stands where the condition should end")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Sign(s)) if *s == sign);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Name(n)) if n == word);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, sign: &str) -> Result<(), String> {
        if self.sign(sign) { Ok(()) } else { Err(format!("`{sign}` is missing")) }
    }

    fn or(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it is nested too deeply".into());
        }
        let mut left = self.and()?;
        while self.word("or") || self.sign("|") {
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, String> {
        let mut left = self.not()?;
        while self.word("and") || self.sign("&") {
            left = Expr::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expr, String> {
        let start = self.at;
        if self.word("not") {
            if self.at - start > DEEPEST {
                return Err("it is nested too deeply".into());
            }
            return Ok(Expr::Not(Box::new(self.not()?)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr, String> {
        let mut left = self.sum()?;
        let mut whole: Option<Expr> = None;
        while let Some(op) = self.op() {
            let right = self.sum()?;
            let one = Expr::Compare(Box::new(left), op, Box::new(right.clone()));
            whole = Some(match whole {
                None => one,
                Some(before) => Expr::And(Box::new(before), Box::new(one)),
            });
            left = right;
        }
        Ok(whole.unwrap_or(left))
    }

    fn op(&mut self) -> Option<Op> {
        let signs = [
            ("==", Op::Equal),
            ("!=", Op::NotEqual),
            ("<=", Op::LessEqual),
            (">=", Op::GreaterEqual),
            ("<", Op::Less),
            (">", Op::Greater),
        ];
        if let Some((_, op)) = signs.into_iter().find(|(s, _)| self.sign(s)) {
            return Some(op);
        }
        if self.word("in") {
            return Some(Op::In);
        }
        if matches!(self.tokens.get(self.at + 1), Some(Token::Name(n)) if n == "in") && self.word("not") {
            self.at += 1;
            return Some(Op::NotIn);
        }
        None
    }

    fn sum(&mut self) -> Result<Expr, String> {
        let mut left = self.product()?;
        loop {
            let sign = if self.sign("+") {
                '+'
            } else if self.sign("-") {
                '-'
            } else {
                return Ok(left);
            };
            left = Expr::Arithmetic(Box::new(left), sign, Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Expr, String> {
        let mut left = self.unary()?;
        loop {
            let signs = [("*", '*'), ("//", 'd'), ("/", '/'), ("%", '%')];
            let Some((_, sign)) = signs.into_iter().find(|(s, _)| self.sign(s)) else { return Ok(left) };
            left = Expr::Arithmetic(Box::new(left), sign, Box::new(self.unary()?));
        }
    }

    fn unary(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it is nested too deeply".into());
        }
        let expr = if self.sign("~") {
            Expr::Not(Box::new(self.unary()?))
        } else if self.sign("-") {
            Expr::Minus(Box::new(self.unary()?))
        } else if self.sign("+") {
            self.unary()?
        } else {
            let base = self.postfix()?;
            if self.sign("**") {
                Expr::Arithmetic(Box::new(base), '^', Box::new(self.unary()?))
            } else {
                base
            }
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn postfix(&mut self) -> Result<Expr, String> {
        let mut expr = self.atom()?;
        while self.sign(".") {
            let Some(Token::Name(name)) = self.tokens.get(self.at).cloned() else {
                return Err("a method's name is missing after `.`".into());
            };
            self.at += 1;
            let name = if name == "str" && self.sign(".") {
                let Some(Token::Name(inner)) = self.tokens.get(self.at).cloned() else {
                    return Err("a method's name is missing after `.str.`".into());
                };
                self.at += 1;
                format!("str.{inner}")
            } else if name == "dt" && self.sign(".") {
                let Some(Token::Name(inner)) = self.tokens.get(self.at).cloned() else {
                    return Err("a part of the time is missing after `.dt.`".into());
                };
                self.at += 1;
                expr = Expr::Call(Box::new(expr), format!("dt.{inner}"), Vec::new());
                continue;
            } else {
                name
            };
            self.need("(")?;
            let mut arguments = Vec::new();
            while !self.sign(")") {
                arguments.push(self.or()?);
                if !self.sign(",") {
                    self.need(")")?;
                    break;
                }
            }
            expr = Expr::Call(Box::new(expr), name, arguments);
        }
        Ok(expr)
    }

    fn atom(&mut self) -> Result<Expr, String> {
        let token = self.tokens.get(self.at).cloned().ok_or("it ends where a value should stand")?;
        self.at += 1;
        Ok(match token {
            Token::Number(n) => Expr::Literal(Value::Number(n)),
            Token::Text(t) => Expr::Literal(Value::String(t)),
            Token::Name(n) => match n.as_str() {
                "True" => Expr::Literal(true.into()),
                "False" => Expr::Literal(false.into()),
                "None" => Expr::Literal(Value::Null),
                "and" | "or" | "in" | "not" => return Err(format!("`{n}` stands where a value should")),
                n if FUNCTIONS.contains(&n) && self.sign("(") => {
                    let argument = self.or()?;
                    self.need(")")?;
                    Expr::Call(Box::new(argument), n.to_owned(), Vec::new())
                }
                _ => Expr::Column(n),
            },
            Token::Sign("(") => {
                let first = self.or()?;
                if self.sign(",") {
                    self.list(vec![first], ")")?
                } else {
                    self.need(")")?;
                    first
                }
            }
            Token::Sign("[") => self.list(Vec::new(), "]")?,
            Token::Sign(s) => return Err(format!("`{s}` stands where a value should")),
        })
    }

    fn list(&mut self, mut items: Vec<Expr>, close: &str) -> Result<Expr, String> {
        while !self.sign(close) {
            items.push(self.or()?);
            if !self.sign(",") {
                self.need(close)?;
                break;
            }
        }
        Ok(Expr::List(items))
    }
}
