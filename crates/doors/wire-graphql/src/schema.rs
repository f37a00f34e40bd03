use std::collections::BTreeMap;

use graphql_parser::schema::{Definition, TypeDefinition, parse_schema};

use crate::Type;

/// Types and where documents start, read from the schema language. Interfaces and unions are not there yet: no door
/// needs them.
#[derive(Debug)]
pub struct Schema {
    kinds: BTreeMap<String, Kind>,
    pub(crate) query: String,
    pub(crate) mutation: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Scalar,
    Enum(Vec<String>),
    Input(BTreeMap<String, Type>),
    Object(BTreeMap<String, Slot>),
}

/// A field of an object.
#[derive(Debug)]
pub(crate) struct Slot {
    pub ty: Type,
    pub arguments: BTreeMap<String, Type>,
}

impl Schema {
    /// Errors: a text that is no schema, an unknown type, or something that is not there yet.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document = parse_schema::<String>(text).map_err(|e| e.to_string())?.into_static();
        let mut schema = Self { kinds: BTreeMap::new(), query: "Query".to_owned(), mutation: None };
        for name in ["String", "Int", "Float", "Boolean", "ID"] {
            schema.kinds.insert(name.to_owned(), Kind::Scalar);
        }
        for definition in document.definitions {
            match definition {
                Definition::SchemaDefinition(roots) => {
                    schema.query = roots.query.unwrap_or(schema.query);
                    schema.mutation = roots.mutation;
                }
                Definition::TypeDefinition(definition) => {
                    let (name, kind) = read(definition)?;
                    schema.kinds.insert(name, kind);
                }
                Definition::DirectiveDefinition(_) => {}
                Definition::TypeExtension(_) => return Err("type extensions are not there yet".to_owned()),
            }
        }
        schema.check()?;
        Ok(schema)
    }

    /// Every type that is named is there.
    fn check(&self) -> Result<(), String> {
        let mut wanted = vec![self.query.as_str()];
        wanted.extend(self.mutation.as_deref());
        for kind in self.kinds.values() {
            match kind {
                Kind::Scalar | Kind::Enum(_) => {}
                Kind::Input(fields) => wanted.extend(fields.values().map(crate::named)),
                Kind::Object(fields) => wanted.extend(
                    fields
                        .values()
                        .flat_map(|slot| slot.arguments.values().chain([&slot.ty]).map(crate::named)),
                ),
            }
        }
        match wanted.into_iter().find(|name| !self.kinds.contains_key(*name)) {
            Some(name) => Err(format!("the type {name} is not there")),
            None => Ok(()),
        }
    }

    pub(crate) fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.get(name)
    }

    pub(crate) fn slot(&self, object: &str, field: &str) -> Option<&Slot> {
        match self.kinds.get(object) {
            Some(Kind::Object(fields)) => fields.get(field),
            _ => None,
        }
    }
}

fn read(definition: TypeDefinition<'static, String>) -> Result<(String, Kind), String> {
    Ok(match definition {
        TypeDefinition::Scalar(scalar) => (scalar.name, Kind::Scalar),
        TypeDefinition::Enum(choice) => {
            (choice.name, Kind::Enum(choice.values.into_iter().map(|value| value.name).collect()))
        }
        TypeDefinition::InputObject(input) => {
            let fields = input.fields.into_iter().map(|field| (field.name, field.value_type)).collect();
            (input.name, Kind::Input(fields))
        }
        TypeDefinition::Object(object) => {
            let slots = object.fields.into_iter().map(|field| {
                let arguments = field
                    .arguments
                    .into_iter()
                    .map(|argument| (argument.name, argument.value_type))
                    .collect();
                (field.name, Slot { ty: field.field_type, arguments })
            });
            (object.name, Kind::Object(slots.collect()))
        }
        TypeDefinition::Interface(other) => {
            return Err(format!("{}: interfaces are not there yet", other.name));
        }
        TypeDefinition::Union(other) => return Err(format!("{}: unions are not there yet", other.name)),
    })
}
