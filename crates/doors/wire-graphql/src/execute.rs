use std::collections::HashMap;

use futures::future::{BoxFuture, FutureExt as _};
use graphql_parser::query::{Definition, Directive, TypeCondition, VariableDefinition};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::input::{self, Variables};
use crate::schema::{Kind, Schema, Slot};
use crate::validate::Validator;
use crate::{Document, Field, Fragment, Operation, Selection, SelectionSet, Type};

/// A request as clients send it (<https://graphql.github.io/graphql-over-http/>).
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Request {
    pub query: Option<String>,
    #[serde(default)]
    pub variables: Option<Map<String, Value>>,
    #[serde(default, rename = "operationName")]
    pub operation: Option<String>,
}

/// `data` is null when the document was refused, or when a field that must have a value has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub data: Value,
    pub errors: Vec<String>,
}

impl Response {
    pub fn refused(error: impl Into<String>) -> Self {
        Self { data: Value::Null, errors: vec![error.into()] }
    }
}

/// A field that wants its value.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// The type that has the field.
    pub object: &'a str,
    pub field: &'a str,
    /// The innermost name of the field's own type.
    pub wanted: &'a str,
    pub is_list: bool,
    /// What the field's object was resolved to; null at the top.
    pub parent: &'a Value,
    /// Checked arguments.
    pub arguments: &'a Map<String, Value>,
}

pub enum Resolved<'a> {
    Now(Result<Value, String>),
    Later(BoxFuture<'a, Result<Value, String>>),
}

/// Where values come from. Objects are JSON objects, lists are arrays; scalars are given as clients see them.
pub trait Resolver: Sync {
    fn resolve<'a>(&'a self, at: At<'a>) -> Resolved<'a>;
}

pub(crate) fn selection_set(operation: &Operation) -> &SelectionSet {
    match operation {
        Operation::SelectionSet(set) => set,
        Operation::Query(query) => &query.selection_set,
        Operation::Mutation(mutation) => &mutation.selection_set,
        Operation::Subscription(subscription) => &subscription.selection_set,
    }
}

fn name(operation: &Operation) -> Option<&str> {
    match operation {
        Operation::SelectionSet(_) => None,
        Operation::Query(query) => query.name.as_deref(),
        Operation::Mutation(mutation) => mutation.name.as_deref(),
        Operation::Subscription(subscription) => subscription.name.as_deref(),
    }
}

fn declared(operation: &Operation) -> &[VariableDefinition<'static, String>] {
    match operation {
        Operation::SelectionSet(_) => &[],
        Operation::Query(query) => &query.variable_definitions,
        Operation::Mutation(mutation) => &mutation.variable_definitions,
        Operation::Subscription(subscription) => &subscription.variable_definitions,
    }
}

/// Executes the operation of that name, or the only one. Variables that the document does not declare are ignored.
pub async fn execute(
    schema: &Schema,
    resolver: &impl Resolver,
    document: &Document,
    operation: Option<&str>,
    variables: &Map<String, Value>,
) -> Response {
    let mut fragments: HashMap<&str, &Fragment> = HashMap::new();
    let mut operations = Vec::new();
    for definition in &document.0.definitions {
        match definition {
            Definition::Fragment(fragment) => {
                fragments.insert(&fragment.name, fragment);
            }
            Definition::Operation(found) => operations.push(found),
        }
    }
    let chosen = match operation.filter(|name| !name.is_empty()) {
        Some(wanted) => match operations.into_iter().find(|found| name(found) == Some(wanted)) {
            Some(found) => found,
            None => return Response::refused(format!("Unknown operation named '{wanted}'.")),
        },
        None => match operations.as_slice() {
            [] => return Response::refused("Must provide an operation."),
            [only] => *only,
            _ => {
                return Response::refused(
                    "Must provide operation name if query contains multiple operations.",
                );
            }
        },
    };
    let root = match chosen {
        Operation::SelectionSet(_) | Operation::Query(_) => Some(&schema.query),
        Operation::Mutation(_) => schema.mutation.as_ref(),
        Operation::Subscription(_) => None,
    };
    let Some(root) = root else {
        return Response::refused("Schema is not configured to execute this kind of operation.");
    };
    let variables = match given(schema, declared(chosen), variables) {
        Ok(variables) => variables,
        Err(errors) => return Response { data: Value::Null, errors },
    };
    let mut validator = Validator {
        schema,
        fragments: &fragments,
        variables: &variables,
        declared: declared(chosen).iter().map(|definition| definition.name.as_str()).collect(),
        operation: name(chosen),
        errors: Vec::new(),
        seen: 0,
    };
    validator.selections(selection_set(chosen), root, &mut Vec::new(), 1);
    if !validator.errors.is_empty() {
        return Response { data: Value::Null, errors: validator.errors };
    }
    let run = Run { schema, resolver, fragments: &fragments, variables: &variables };
    let mut errors = Vec::new();
    let data = run.object(root, vec![selection_set(chosen)], &Value::Null, &mut errors).await;
    Response { data: data.unwrap_or(Value::Null), errors }
}

/// The declared variables, each held against its type.
fn given(
    schema: &Schema,
    declared: &[VariableDefinition<'static, String>],
    sent: &Map<String, Value>,
) -> Result<Variables, Vec<String>> {
    let (mut variables, mut errors) = (Variables::new(), Vec::new());
    for definition in declared {
        let (name, ty) = (definition.name.as_str(), &definition.var_type);
        if !matches!(schema.kind(crate::named(ty)), Some(Kind::Scalar | Kind::Enum(_) | Kind::Input(_))) {
            errors.push(format!("Unknown type '{}'.", crate::named(ty)));
            continue;
        }
        let default = definition.default_value.as_ref().and_then(|v| input::literal(v, &Variables::new()));
        let Some(value) = sent.get(name).cloned().or(default) else {
            if matches!(ty, Type::NonNullType(_)) {
                errors.push(format!("Variable '${name}' of required type '{ty}' was not provided."));
            }
            continue;
        };
        match input::coerce(schema, ty, value.clone()) {
            Ok(value) => {
                variables.insert(name.to_owned(), value);
            }
            Err(error) => errors.push(format!("Variable '${name}' got invalid value {value}; {error}")),
        }
    }
    if errors.is_empty() { Ok(variables) } else { Err(errors) }
}

/// A field that must have a value has none: the object around it has none either.
struct Missing;

struct Run<'a, R> {
    schema: &'a Schema,
    resolver: &'a R,
    fragments: &'a HashMap<&'a str, &'a Fragment>,
    variables: &'a Variables,
}

impl<'a, R: Resolver> Run<'a, R> {
    fn object<'b>(
        &'b self,
        object: &'b str,
        sets: Vec<&'a SelectionSet>,
        parent: &'b Value,
        errors: &'b mut Vec<String>,
    ) -> BoxFuture<'b, Result<Value, Missing>> {
        async move {
            let mut fields: Vec<(&'a str, Vec<&'a Field>)> = Vec::new();
            for set in sets {
                self.collect(set, object, &mut fields);
            }
            let mut done = Map::with_capacity(fields.len());
            for (key, same) in fields {
                let Some(field) = same.first() else { continue };
                if field.name == "__typename" {
                    done.insert(key.to_owned(), object.into());
                    continue;
                }
                let Some(slot) = self.schema.slot(object, &field.name) else { continue };
                let arguments = self.arguments(field, slot);
                let wanted = crate::named(&slot.ty);
                let is_list = matches!(strip(&slot.ty), Type::ListType(_));
                let at = At { object, field: &field.name, wanted, is_list, parent, arguments: &arguments };
                let value = match self.resolver.resolve(at) {
                    Resolved::Now(value) => value,
                    Resolved::Later(value) => value.await,
                };
                let value = value.unwrap_or_else(|error| {
                    errors.push(error);
                    Value::Null
                });
                let sets: Vec<_> = same.iter().map(|field| &field.selection_set).collect();
                let name = field.name.as_str();
                done.insert(
                    key.to_owned(),
                    self.complete(&slot.ty, (object, name), &sets, value, errors).await?,
                );
            }
            Ok(Value::Object(done))
        }
        .boxed()
    }

    /// A resolved value as its type has it.
    fn complete<'b>(
        &'b self,
        ty: &'b Type,
        of: (&'b str, &'b str),
        sets: &'b [&'a SelectionSet],
        value: Value,
        errors: &'b mut Vec<String>,
    ) -> BoxFuture<'b, Result<Value, Missing>> {
        async move {
            match (ty, value) {
                (Type::NonNullType(inner), value) => {
                    let before = errors.len();
                    match self.complete(inner, of, sets, value, errors).await? {
                        Value::Null => {
                            if errors.len() == before {
                                let (object, field) = of;
                                errors.push(format!(
                                    "Cannot return null for non-nullable field {object}.{field}."
                                ));
                            }
                            Err(Missing)
                        }
                        value => Ok(value),
                    }
                }
                (_, Value::Null) => Ok(Value::Null),
                (Type::ListType(inner), Value::Array(items)) => {
                    let mut done = Vec::with_capacity(items.len());
                    for item in items {
                        match self.complete(inner, of, sets, item, errors).await {
                            Ok(item) => done.push(item),
                            Err(Missing) => return Ok(Value::Null),
                        }
                    }
                    Ok(done.into())
                }
                (Type::NamedType(name), value) if matches!(self.schema.kind(name), Some(Kind::Object(_))) => {
                    Ok(self.object(name, sets.to_vec(), &value, errors).await.unwrap_or(Value::Null))
                }
                (_, value) => Ok(value),
            }
        }
        .boxed()
    }

    fn arguments(&self, field: &Field, slot: &Slot) -> Map<String, Value> {
        let mut arguments = Map::new();
        for (name, value) in &field.arguments {
            // Checked when the document was validated.
            if let (Some(ty), Some(value)) = (slot.arguments.get(name), input::literal(value, self.variables))
                && let Ok(value) = input::coerce(self.schema, ty, value)
            {
                arguments.insert(name.clone(), value);
            }
        }
        arguments
    }

    /// The fields of a selection set in order, those of one response key together.
    fn collect(&self, set: &'a SelectionSet, object: &str, into: &mut Vec<(&'a str, Vec<&'a Field>)>) {
        for selection in &set.items {
            match selection {
                Selection::Field(field) if self.included(&field.directives) => {
                    let key = field.alias.as_deref().unwrap_or(&field.name);
                    match into.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, same)) => same.push(field),
                        None => into.push((key, vec![field])),
                    }
                }
                Selection::InlineFragment(inline) if self.included(&inline.directives) => {
                    let applies =
                        inline.type_condition.as_ref().is_none_or(|TypeCondition::On(name)| name == object);
                    if applies {
                        self.collect(&inline.selection_set, object, into);
                    }
                }
                Selection::FragmentSpread(spread) if self.included(&spread.directives) => {
                    let fragment = self.fragments.get(spread.fragment_name.as_str());
                    if let Some(fragment) = fragment {
                        self.collect(&fragment.selection_set, object, into);
                    }
                }
                _ => {}
            }
        }
    }

    /// `@skip` and `@include`; other directives say nothing here.
    fn included(&self, directives: &[Directive<'static, String>]) -> bool {
        directives.iter().all(|directive| {
            let condition = directive.arguments.iter().find(|(name, _)| name == "if");
            let holds = condition.and_then(|(_, value)| input::literal(value, self.variables));
            match (directive.name.as_str(), holds) {
                ("skip", Some(Value::Bool(holds))) => !holds,
                ("include", Some(Value::Bool(holds))) => holds,
                _ => true,
            }
        })
    }
}

fn strip(ty: &Type) -> &Type {
    match ty {
        Type::NonNullType(inner) => inner,
        other => other,
    }
}
