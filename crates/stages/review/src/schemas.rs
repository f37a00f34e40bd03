//! Label schemas: the questions that reviewers answer.

use ledger::{Ledger, Tx};
use serde_json::{Value, json};
use tracking::Page;
use types::{Actor, Timestamp, Uid};

use crate::Error;
use crate::store::schemas as store;

#[derive(Clone, Debug, PartialEq)]
pub struct LabelSchema {
    pub uid: Uid,
    pub experiment: i64,
    pub name: String,
    /// Whether it asks for the right answer; else for an opinion.
    pub is_expectation: bool,
    pub instruction: Option<String>,
    pub enable_comment: bool,
    /// One variant, such as `{"text": {}}`.
    pub input: Value,
    /// The question that every experiment has.
    pub is_default: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct NewSchema {
    pub experiment: i64,
    pub name: String,
    pub is_expectation: bool,
    pub instruction: Option<String>,
    pub enable_comment: bool,
    pub input: Value,
    pub is_default: bool,
}

/// What changes; None leaves it.
#[derive(Clone, Debug, Default)]
pub struct SchemaChange {
    pub name: Option<String>,
    pub instruction: Option<String>,
    pub enable_comment: Option<bool>,
    pub input: Option<Value>,
}

fn subject(uid: Uid) -> String {
    format!("label_schema:{uid}")
}

fn insert(tx: &mut Tx<'_>, new: &NewSchema) -> Result<LabelSchema, Error> {
    if store::named(tx, new.experiment, &new.name)?.is_some() {
        return Err(Error::SchemaExists { experiment: new.experiment, name: new.name.clone() });
    }
    let schema = LabelSchema {
        uid: tx.new_id(),
        experiment: new.experiment,
        name: new.name.clone(),
        is_expectation: new.is_expectation,
        instruction: new.instruction.clone(),
        enable_comment: new.enable_comment,
        input: new.input.clone(),
        is_default: new.is_default,
        created_at: tx.now(),
        updated_at: tx.now(),
    };
    store::insert(tx, &schema)?;
    tx.event("label_schema.created", &subject(schema.uid), json!({ "experiment": schema.experiment }))?;
    Ok(schema)
}

/// Errors: `SchemaExists`.
pub async fn create_schema(ledger: &Ledger, actor: &Actor, new: NewSchema) -> Result<LabelSchema, Error> {
    ledger.write(actor, move |tx| insert(tx, &new)).await
}

/// Errors: `SchemaNotFound`.
pub async fn label_schema(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<LabelSchema, Error> {
    ledger.read(actor.workspace, move |rx| store::find(rx, uid)?.ok_or_else(|| missing(uid))).await
}

fn missing(uid: Uid) -> Error {
    Error::SchemaNotFound(uid.hex())
}

/// Errors: `SchemaNotFound`.
pub async fn label_schema_named(
    ledger: &Ledger,
    actor: &Actor,
    experiment: i64,
    name: String,
) -> Result<LabelSchema, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            store::named(rx, experiment, &name)?.ok_or(Error::SchemaNotFound(name))
        })
        .await
}

/// Newest first. The experiment's default question is made if it is not there yet.
pub async fn label_schemas(
    ledger: &Ledger,
    actor: &Actor,
    default: NewSchema,
    limit: i64,
    offset: i64,
) -> Result<Page<LabelSchema>, Error> {
    let experiment = default.experiment;
    let page = move |rx: &mut ledger::Rx<'_>| Ok::<_, Error>(store::list(rx, experiment, limit, offset)?);
    let seeded =
        ledger.read(actor.workspace, move |rx| Ok::<_, Error>(store::has_default(rx, experiment)?)).await?;
    if !seeded {
        let made = ledger.write(actor, move |tx| insert(tx, &default)).await;
        // Somebody else made it, or uses its name: then the experiment has no default of its own.
        if let Err(error) = made
            && !matches!(error, Error::SchemaExists { .. } | Error::Ledger(ledger::Error::Constraint { .. }))
        {
            return Err(error);
        }
    }
    Ok(Page::cut(ledger.read(actor.workspace, page).await?, limit))
}

fn variant(input: &Value) -> Option<&String> {
    input.as_object()?.keys().next()
}

/// Errors: `SchemaNotFound`, `DefaultSchema`, `InputChanged`, `SchemaExists`.
pub async fn update_schema(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    change: SchemaChange,
) -> Result<LabelSchema, Error> {
    ledger
        .write(actor, move |tx| {
            let mut schema = store::find(tx, uid)?.ok_or_else(|| missing(uid))?;
            if schema.is_default {
                return Err(Error::DefaultSchema);
            }
            if let Some(input) = &change.input {
                if variant(input) != variant(&schema.input) {
                    return Err(Error::InputChanged("it is of another type".into()));
                }
                if input["categorical"]["multi_select"] != schema.input["categorical"]["multi_select"] {
                    return Err(Error::InputChanged("multi_select differs".into()));
                }
                schema.input.clone_from(input);
            }
            if let Some(name) = &change.name {
                if store::named(tx, schema.experiment, name)?.is_some_and(|other| other.uid != uid) {
                    return Err(Error::SchemaExists { experiment: schema.experiment, name: name.clone() });
                }
                schema.name.clone_from(name);
            }
            if change.instruction.is_some() {
                schema.instruction.clone_from(&change.instruction);
            }
            schema.enable_comment = change.enable_comment.unwrap_or(schema.enable_comment);
            schema.updated_at = tx.now();
            store::update(tx, &schema)?;
            tx.event("label_schema.updated", &subject(uid), json!({}))?;
            Ok(schema)
        })
        .await
}

/// One that is not there is no error. Errors: `DefaultSchema`.
pub async fn delete_schema(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| match store::find(tx, uid)? {
            None => Ok(()),
            Some(schema) if schema.is_default => Err(Error::DefaultSchema),
            Some(_) => {
                store::delete(tx, uid)?;
                Ok(tx.event("label_schema.deleted", &subject(uid), json!({}))?)
            }
        })
        .await
}
