//! GraphQL for doors whose clients speak it: a document is parsed, held against limits and the schema, and executed
//! over JSON values. Messages are those of `graphql-core` 3.2, which clients of Python servers know.
//!
//! Rules are those of the specification (October 2021) except that fields of one response key are not checked to be
//! the same, unused variables and fragments are no error, and there is no introspection but `__typename`.

mod execute;
mod input;
mod limits;
mod schema;
mod validate;

pub use execute::{At, Request, Resolved, Resolver, Response, execute};
pub use limits::{Counts, Limits, count};
pub use schema::Schema;

use graphql_parser::query;

/// A parsed document.
#[derive(Clone, Debug)]
pub struct Document(query::Document<'static, String>);

impl Document {
    /// Errors: what is wrong and where, on one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        match graphql_parser::parse_query::<String>(text) {
            Ok(document) => Ok(Self(document.into_static())),
            Err(error) => {
                let said = error.to_string();
                let lines: Vec<&str> = said.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
                Err(format!("Syntax Error: {}", lines.join("; ")))
            }
        }
    }
}

type Field = query::Field<'static, String>;
type Fragment = query::FragmentDefinition<'static, String>;
type Literal = query::Value<'static, String>;
type Operation = query::OperationDefinition<'static, String>;
type Selection = query::Selection<'static, String>;
type SelectionSet = query::SelectionSet<'static, String>;
type Type = query::Type<'static, String>;

/// The innermost type's name.
fn named(ty: &Type) -> &str {
    match ty {
        Type::NamedType(name) => name,
        Type::ListType(inner) | Type::NonNullType(inner) => named(inner),
    }
}
