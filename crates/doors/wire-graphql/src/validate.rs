//! A document held against the schema, before anything of it is executed.

use std::collections::HashMap;

use graphql_parser::query::TypeCondition;

use crate::input::{self, Variables};
use crate::schema::{Kind, Schema};
use crate::{Field, Fragment, Selection, SelectionSet, Type};

/// What no honest document comes near; fragments that name each other could make a small text endless.
const MOST_SELECTIONS: usize = 20_000;
const MOST_DEPTH: usize = 64;

pub(crate) struct Validator<'a> {
    pub schema: &'a Schema,
    pub fragments: &'a HashMap<&'a str, &'a Fragment>,
    pub variables: &'a Variables,
    /// Names that the operation declares.
    pub declared: Vec<&'a str>,
    pub operation: Option<&'a str>,
    pub errors: Vec<String>,
    pub seen: usize,
}

impl<'a> Validator<'a> {
    /// Checks a selection set of an object. `within` are the fragments that it stands in.
    pub fn selections(
        &mut self,
        set: &'a SelectionSet,
        object: &str,
        within: &mut Vec<&'a str>,
        depth: usize,
    ) {
        for selection in &set.items {
            self.seen += 1;
            if self.seen > MOST_SELECTIONS || depth > MOST_DEPTH {
                if self.errors.last().is_none_or(|last| !last.starts_with("Query is too large")) {
                    self.errors.push("Query is too large or too deep.".to_owned());
                }
                return;
            }
            match selection {
                Selection::Field(field) => self.field(field, object, within, depth),
                Selection::InlineFragment(inline) => {
                    let condition =
                        inline.type_condition.as_ref().map(|TypeCondition::On(name)| name.as_str());
                    if self.applies(condition.unwrap_or(object), object, None) {
                        self.selections(&inline.selection_set, object, within, depth + 1);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    let Some(fragment) = self.fragments.get(name) else {
                        self.errors.push(format!("Unknown fragment '{name}'."));
                        continue;
                    };
                    if within.contains(&name) {
                        self.errors.push(format!("Cannot spread fragment '{name}' within itself."));
                        continue;
                    }
                    let TypeCondition::On(condition) = &fragment.type_condition;
                    if self.applies(condition, object, Some(name)) {
                        within.push(name);
                        self.selections(&fragment.selection_set, object, within, depth + 1);
                        within.pop();
                    }
                }
            }
        }
    }

    /// Whether a fragment on `condition` can stand in an `object`; says why not.
    fn applies(&mut self, condition: &str, object: &str, fragment: Option<&str>) -> bool {
        if condition == object {
            return true;
        }
        let of = fragment.map_or_else(String::new, |name| format!(" '{name}'"));
        self.errors.push(match self.schema.kind(condition) {
            None => format!("Unknown type '{condition}'."),
            Some(Kind::Object(_)) => format!(
                "Fragment{of} cannot be spread here as objects of type '{object}' can never be of type '{condition}'."
            ),
            Some(_) => format!("Fragment{of} cannot condition on non composite type '{condition}'."),
        });
        false
    }

    fn field(&mut self, field: &'a Field, object: &str, within: &mut Vec<&'a str>, depth: usize) {
        let name = field.name.as_str();
        if name == "__typename" {
            return;
        }
        let schema = self.schema;
        let Some(slot) = schema.slot(object, name) else {
            self.errors.push(format!("Cannot query field '{name}' on type '{object}'."));
            return;
        };
        for (argument, value) in &field.arguments {
            let Some(ty) = slot.arguments.get(argument) else {
                self.errors.push(format!("Unknown argument '{argument}' on field '{object}.{name}'."));
                continue;
            };
            let mut names = Vec::new();
            variables_of(value, &mut names);
            let undeclared = names.iter().find(|name| !self.declared.contains(name));
            if let Some(undeclared) = undeclared {
                let by = self.operation.map_or_else(String::new, |name| format!(" by operation '{name}'"));
                self.errors.push(format!("Variable '${undeclared}' is not defined{by}."));
            } else if let Some(value) = input::literal(value, self.variables)
                && let Err(error) = input::coerce(schema, ty, value)
            {
                self.errors.push(error);
            }
        }
        let given = |argument: &String| field.arguments.iter().any(|(name, _)| name == argument);
        for (argument, ty) in &slot.arguments {
            if matches!(ty, Type::NonNullType(_)) && !given(argument) {
                self.errors.push(format!(
                    "Field '{name}' argument '{argument}' of type '{ty}' is required, but it was not provided."
                ));
            }
        }
        let inner = crate::named(&slot.ty);
        let composite = matches!(schema.kind(inner), Some(Kind::Object(_)));
        match (composite, field.selection_set.items.is_empty()) {
            (true, true) => self.errors.push(format!(
                "Field '{name}' of type '{}' must have a selection of subfields. Did you mean '{name} {{ ... }}'?",
                slot.ty
            )),
            (false, false) => self.errors.push(format!(
                "Field '{name}' must not have a selection since type '{}' has no subfields.",
                slot.ty
            )),
            (true, false) => self.selections(&field.selection_set, inner, within, depth + 1),
            (false, true) => {}
        }
    }
}

fn variables_of<'a>(value: &'a crate::Literal, into: &mut Vec<&'a str>) {
    match value {
        crate::Literal::Variable(name) => into.push(name),
        crate::Literal::List(items) => items.iter().for_each(|item| variables_of(item, into)),
        crate::Literal::Object(fields) => fields.values().for_each(|value| variables_of(value, into)),
        _ => {}
    }
}
