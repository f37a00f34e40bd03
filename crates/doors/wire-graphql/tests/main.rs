//! Documents executed against a small schema.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mlwright_wire_graphql::{
    At, Counts, Document, Limits, Resolved, Resolver, Response, Schema, count, execute,
};
use serde_json::{Map, Value, json};

const SCHEMA: &str = "
    schema { query: Query mutation: Change }
    scalar Long
    enum Color { RED BLUE }
    input Wish { name: String color: Color tags: [String!] size: Int deep: Wish }
    type Query { thing(input: Wish!): Thing things(n: Int): [Thing!] echo(text: String = \"x\"): String fails: String }
    type Change { rename(to: String!): Thing }
    type Thing { name: String! size: Long friend: Thing later: String wish: String }
";

struct Things;

impl Resolver for Things {
    fn resolve<'a>(&'a self, at: At<'a>) -> Resolved<'a> {
        match (at.object, at.field) {
            ("Query", "thing") => {
                let wish = at.arguments["input"].to_string();
                Resolved::Now(Ok(
                    json!({ "name": "t", "size": "5", "wish": wish, "friend": { "name": null } }),
                ))
            }
            ("Query", "things") => {
                let n = at.arguments.get("n").and_then(Value::as_i64).unwrap_or(1);
                Resolved::Now(Ok((0..n).map(|i| json!({ "name": format!("t{i}") })).collect()))
            }
            ("Query", "echo") => Resolved::Now(Ok(at.arguments.get("text").cloned().unwrap_or(Value::Null))),
            ("Query", "fails") => Resolved::Now(Err("it broke".into())),
            ("Change", "rename") => Resolved::Now(Ok(json!({ "name": at.arguments["to"] }))),
            ("Thing", "later") => Resolved::Later(Box::pin(async { Ok("now".into()) })),
            _ => Resolved::Now(Ok(at.parent[at.field].clone())),
        }
    }
}

async fn run(query: &str, variables: Value) -> Response {
    let schema = Schema::parse(SCHEMA).unwrap();
    let document = match Document::parse(query) {
        Ok(document) => document,
        Err(error) => return Response::refused(error),
    };
    let variables = variables.as_object().cloned().unwrap_or_default();
    execute(&schema, &Things, &document, None, &variables).await
}

#[tokio::test]
async fn documents_answer_in_the_shape_that_they_ask_for() {
    let cases = [
        ("{ echo }", json!({}), json!({ "echo": null })),
        (
            "{ a: echo(text: \"1\") b: echo(text: \"2\") __typename }",
            json!({}),
            json!({ "a": "1", "b": "2", "__typename": "Query" }),
        ),
        (
            "query Q($n: Int = 2) @component(name: \"x\") { things(n: $n) { ...T later } } fragment T on Thing { name __typename }",
            json!({ "undeclared": 1 }),
            json!({ "things": [{ "name": "t0", "__typename": "Thing", "later": "now" }, { "name": "t1", "__typename": "Thing", "later": "now" }] }),
        ),
        (
            "query($w: Wish!, $yes: Boolean!) { thing(input: $w) { wish size @skip(if: $yes) ... on Thing @include(if: $yes) { name } } }",
            json!({ "w": { "color": "RED", "tags": "one", "deep": { "size": 3 } }, "yes": true }),
            json!({ "thing": { "wish": "{\"color\":\"RED\",\"deep\":{\"size\":3},\"tags\":[\"one\"]}", "name": "t" } }),
        ),
        (
            "{ thing(input: {}) { friend { name } size } }",
            json!({}),
            json!({ "thing": { "friend": null, "size": "5" } }),
        ),
        ("mutation { rename(to: \"b\") { name } }", json!({}), json!({ "rename": { "name": "b" } })),
        (
            "{ thing(input: {}) { size } thing(input: {}) { name } }",
            json!({}),
            json!({ "thing": { "size": "5", "name": "t" } }),
        ),
    ];
    for (query, variables, expected) in cases {
        let response = run(query, variables).await;
        assert_eq!(response.data, expected, "{query}: {:?}", response.errors);
    }
    let failed = run("{ fails echo(text: \"x\") }", json!({})).await;
    assert_eq!(
        failed,
        Response { data: json!({ "fails": null, "echo": "x" }), errors: vec!["it broke".into()] }
    );
}

#[tokio::test]
async fn wrong_documents_are_refused_whole_and_say_why() {
    let cases = [
        ("{ nope }", "Cannot query field 'nope' on type 'Query'."),
        ("{ echo(tex: \"x\") }", "Unknown argument 'tex' on field 'Query.echo'."),
        ("{ echo(text: 1) }", "String cannot represent a non string value: 1"),
        (
            "{ things(n: 3000000000) { name } }",
            "Int cannot represent non 32-bit signed integer value: 3000000000",
        ),
        ("{ echo { x } }", "Field 'echo' must not have a selection since type 'String' has no subfields."),
        (
            "{ thing(input: {}) }",
            "Field 'thing' of type 'Thing' must have a selection of subfields. Did you mean 'thing { ... }'?",
        ),
        (
            "{ thing { name } }",
            "Field 'thing' argument 'input' of type 'Wish!' is required, but it was not provided.",
        ),
        ("{ thing(input: { colour: RED }) { name } }", "Field 'colour' is not defined by type 'Wish'."),
        ("{ thing(input: { color: GREEN }) { name } }", "Value 'GREEN' does not exist in 'Color' enum."),
        ("{ echo(text: $t) }", "Variable '$t' is not defined."),
        ("query Q { echo(text: $t) }", "Variable '$t' is not defined by operation 'Q'."),
        (
            "query($t: String!) { echo(text: $t) }",
            "Variable '$t' of required type 'String!' was not provided.",
        ),
        ("{ ...F }", "Unknown fragment 'F'."),
        (
            "{ ...F } fragment F on Thing { name }",
            "Fragment 'F' cannot be spread here as objects of type 'Query' can never be of type 'Thing'.",
        ),
        ("{ ...F } fragment F on Query { ...F }", "Cannot spread fragment 'F' within itself."),
        (
            "query A { echo } query B { echo }",
            "Must provide operation name if query contains multiple operations.",
        ),
        ("subscription { echo }", "Schema is not configured to execute this kind of operation."),
    ];
    for (query, message) in cases {
        assert_eq!(run(query, json!({})).await, Response::refused(message), "{query}");
    }
    assert!(run("{ echo(", json!({})).await.errors[0].starts_with("Syntax Error: "));
    let nested = "[".repeat(100_000);
    assert!(run(&format!("{{ echo(text: {nested}"), json!({})).await.errors[0].starts_with("Syntax Error: "));
    // Twenty fragments, each of which names the next one twice: a million selections.
    let mut bomb = "{ ...F0 }".to_owned();
    for i in 0..20 {
        bomb += &format!(" fragment F{i} on Query {{ a{i}: echo ...F{} b{i}: echo ...F{} }}", i + 1, i + 1);
    }
    bomb += " fragment F20 on Query { echo }";
    assert!(run(&bomb, json!({})).await.errors[0].starts_with("Query is too large"));
}

#[test]
fn requests_are_counted_as_mlflow_counts_them() {
    let limits = Limits { depth: 3, selections: 6 };
    let counted = |text: &str| count(&Document::parse(text).unwrap(), limits);
    assert_eq!(counted("{ a b }"), Ok(Counts { root_fields: 2, aliases: 0 }));
    let spread = "{ x: a ...F ...F } fragment F on Q { y: b ... on Q { z: c } }";
    assert_eq!(counted(spread), Ok(Counts { root_fields: 3, aliases: 3 }));
    assert_eq!(counted("{ a { b { c } } }"), Ok(Counts { root_fields: 1, aliases: 0 }));
    assert_eq!(counted("{ a { b { c { d } } } }"), Err("Query exceeds maximum depth of 3".into()));
    assert_eq!(counted("{ a b c d e f g }"), Err("Query exceeds maximum total selections of 6".into()));
}

#[test]
fn a_schema_with_a_type_that_is_not_there_is_refused() {
    assert!(Schema::parse("type Query { a: Nope }").unwrap_err().contains("Nope"));
    assert!(Schema::parse("type Query {").is_err());
    let _: Map<String, Value> = Map::new();
}
