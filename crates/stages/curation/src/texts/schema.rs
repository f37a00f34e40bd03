//! JSON Schema, drafts 4 to 2020-12, as far as one document in one cell needs it: no references to elsewhere, and
//! `format` says nothing (as in Python's `jsonschema.validate`).
//!
//! Own code because the crate for it changes features of crates below DataFusion, which all are then built again.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::Pattern;

/// References that lead to references.
const DEEPEST: usize = 64;
const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "integer", "string"];

pub(crate) struct Schema<'a> {
    root: &'a Value,
    patterns: RefCell<HashMap<String, Rc<Pattern>>>,
}

impl<'a> Schema<'a> {
    /// Errors: why it is no schema, or what of it is not supported.
    pub fn new(root: &'a Value) -> Result<Self, String> {
        let schema = Self { root, patterns: RefCell::default() };
        schema.examine(root, 0).map_err(|e| format!("the schema is invalid: {e}"))?;
        Ok(schema)
    }

    /// Errors: the schema refers to itself without end, or a pattern does not end.
    pub fn is_valid(&self, value: &Value) -> Result<bool, String> {
        self.valid(self.root, value, 0)
    }

    fn pattern(&self, text: &str) -> Result<Rc<Pattern>, String> {
        if let Some(known) = self.patterns.borrow().get(text) {
            return Ok(known.clone());
        }
        let made = Rc::new(Pattern::new(text)?);
        self.patterns.borrow_mut().insert(text.to_owned(), made.clone());
        Ok(made)
    }

    /// Whether keywords have the values that they may have.
    fn examine(&self, schema: &Value, depth: usize) -> Result<(), String> {
        let map = match schema {
            Value::Bool(_) => return Ok(()),
            Value::Object(map) => map,
            other => return Err(format!("{other:.80} is no schema")),
        };
        if depth > DEEPEST {
            return Err("it is nested too deeply".into());
        }
        for (key, value) in map {
            let bad = || Err(format!("`{key}` is {value:.80}"));
            match key.as_str() {
                "type" => {
                    let known = |v: &Value| v.as_str().is_some_and(|t| TYPES.contains(&t));
                    let fine = match value {
                        Value::Array(list) => !list.is_empty() && list.iter().all(known),
                        one => known(one),
                    };
                    if !fine {
                        return bad();
                    }
                }
                "enum" | "required" if !value.is_array() && !value.is_boolean() => return bad(),
                "multipleOf" if value.as_f64().is_none_or(|n| n <= 0.0) => return bad(),
                "minimum" | "maximum" if !value.is_number() => return bad(),
                "exclusiveMinimum" | "exclusiveMaximum" if !value.is_number() && !value.is_boolean() => {
                    return bad();
                }
                "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties"
                | "minContains" | "maxContains"
                    if value.as_f64().is_none_or(|n| n < 0.0 || n.fract() != 0.0) =>
                {
                    return bad();
                }
                "pattern" => {
                    let Some(text) = value.as_str() else { return bad() };
                    self.pattern(text)?;
                }
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                    let Some(all) = value.as_object() else { return bad() };
                    for (name, inner) in all {
                        if key == "patternProperties" {
                            self.pattern(name)?;
                        }
                        self.examine(inner, depth + 1)?;
                    }
                }
                "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                    let Some(all) = value.as_array().filter(|a| !a.is_empty()) else { return bad() };
                    all.iter().try_for_each(|inner| self.examine(inner, depth + 1))?;
                }
                "items" if value.is_array() => {
                    value
                        .as_array()
                        .into_iter()
                        .flatten()
                        .try_for_each(|inner| self.examine(inner, depth + 1))?;
                }
                "items"
                | "additionalItems"
                | "additionalProperties"
                | "contains"
                | "propertyNames"
                | "not"
                | "if"
                | "then"
                | "else" => self.examine(value, depth + 1)?,
                "$ref" => {
                    let Some(text) = value.as_str() else { return bad() };
                    self.find(text)?;
                }
                "$dynamicRef" | "$recursiveRef" | "unevaluatedProperties" | "unevaluatedItems" => {
                    return Err(format!("`{key}` is not supported"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn find(&self, reference: &str) -> Result<&'a Value, String> {
        let pointer = reference.strip_prefix('#').ok_or_else(|| format!("`{reference}` leads elsewhere"))?;
        let pointer = pointer.replace("%25", "%").replace("%22", "\"");
        self.root.pointer(&pointer).ok_or_else(|| format!("`{reference}` leads to nothing"))
    }

    fn valid(&self, schema: &Value, value: &Value, depth: usize) -> Result<bool, String> {
        let map = match schema {
            Value::Bool(all) => return Ok(*all),
            Value::Object(map) => map,
            _ => return Ok(true),
        };
        if depth > DEEPEST {
            return Err("the schema refers to itself without end".into());
        }
        if let Some(reference) = map.get("$ref").and_then(Value::as_str)
            && !self.valid(self.find(reference)?, value, depth + 1)?
        {
            return Ok(false);
        }
        Ok(plain(map, value)
            && self.combined(map, value, depth)?
            && match value {
                Value::String(text) => match map.get("pattern").and_then(Value::as_str) {
                    Some(pattern) => self.pattern(pattern)?.search(text)?,
                    None => true,
                },
                Value::Array(list) => self.list(map, list, depth)?,
                Value::Object(object) => self.object(map, object, depth)?,
                _ => true,
            })
    }

    fn count(&self, schemas: &Value, value: &Value, depth: usize) -> Result<(usize, usize), String> {
        let all = schemas.as_array().map_or(&[][..], Vec::as_slice);
        let mut valid = 0;
        for schema in all {
            valid += usize::from(self.valid(schema, value, depth + 1)?);
        }
        Ok((valid, all.len()))
    }

    fn combined(&self, map: &Map<String, Value>, value: &Value, depth: usize) -> Result<bool, String> {
        for (key, schemas) in map {
            let fine = match key.as_str() {
                "allOf" => {
                    let (valid, all) = self.count(schemas, value, depth)?;
                    valid == all
                }
                "anyOf" => self.count(schemas, value, depth)?.0 > 0,
                "oneOf" => self.count(schemas, value, depth)?.0 == 1,
                "not" => !self.valid(schemas, value, depth + 1)?,
                "if" => {
                    let branch = if self.valid(schemas, value, depth + 1)? { "then" } else { "else" };
                    match map.get(branch) {
                        Some(schema) => self.valid(schema, value, depth + 1)?,
                        None => true,
                    }
                }
                _ => true,
            };
            if !fine {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn list(&self, map: &Map<String, Value>, list: &[Value], depth: usize) -> Result<bool, String> {
        let (first, rest) = match (map.get("prefixItems"), map.get("items")) {
            (Some(Value::Array(first)), rest) => (first.as_slice(), rest),
            (_, Some(Value::Array(first))) => (first.as_slice(), map.get("additionalItems")),
            (_, rest) => (&[][..], rest),
        };
        for (i, item) in list.iter().enumerate() {
            let schema = first.get(i).or(if i >= first.len() { rest } else { None });
            if let Some(schema) = schema
                && !self.valid(schema, item, depth + 1)?
            {
                return Ok(false);
            }
        }
        if let Some(schema) = map.get("contains") {
            let mut found = 0;
            for item in list {
                found += u64::from(self.valid(schema, item, depth + 1)?);
            }
            let least = map.get("minContains").and_then(Value::as_u64).unwrap_or(1);
            let most = map.get("maxContains").and_then(Value::as_u64).unwrap_or(u64::MAX);
            return Ok(found >= least && found <= most);
        }
        Ok(true)
    }

    fn object(
        &self,
        map: &Map<String, Value>,
        object: &Map<String, Value>,
        depth: usize,
    ) -> Result<bool, String> {
        let named = map.get("properties").and_then(Value::as_object);
        let patterns = map.get("patternProperties").and_then(Value::as_object);
        for (name, value) in object {
            let mut known = false;
            if let Some(schema) = named.and_then(|n| n.get(name)) {
                known = true;
                if !self.valid(schema, value, depth + 1)? {
                    return Ok(false);
                }
            }
            for (pattern, schema) in patterns.into_iter().flatten() {
                if self.pattern(pattern)?.search(name)? {
                    known = true;
                    if !self.valid(schema, value, depth + 1)? {
                        return Ok(false);
                    }
                }
            }
            if let Some(schema) = map.get("additionalProperties").filter(|_| !known)
                && !self.valid(schema, value, depth + 1)?
            {
                return Ok(false);
            }
            if let Some(schema) = map.get("propertyNames")
                && !self.valid(schema, &Value::String(name.clone()), depth + 1)?
            {
                return Ok(false);
            }
        }
        let whole = Value::Object(object.clone());
        for (name, schema) in map.get("dependentSchemas").and_then(Value::as_object).into_iter().flatten() {
            if object.contains_key(name) && !self.valid(schema, &whole, depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Keywords that need no other schema.
fn plain(map: &Map<String, Value>, value: &Value) -> bool {
    let number = |key: &str| map.get(key).and_then(Value::as_f64);
    let within = |n: usize, least: &str, most: &str| {
        number(least).is_none_or(|l| n as f64 >= l) && number(most).is_none_or(|m| n as f64 <= m)
    };
    if let Some(types) = map.get("type") {
        let fine = match types {
            Value::Array(all) => all.iter().any(|t| is(value, t)),
            one => is(value, one),
        };
        if !fine {
            return false;
        }
    }
    if map.get("enum").and_then(Value::as_array).is_some_and(|all| !all.iter().any(|v| equal(v, value)))
        || map.get("const").is_some_and(|v| !equal(v, value))
    {
        return false;
    }
    match value {
        Value::Number(_) => {
            let v = value.as_f64().unwrap_or(f64::NAN);
            let open = |key: &str| map.get(key) == Some(&Value::Bool(true));
            number("minimum").is_none_or(|m| if open("exclusiveMinimum") { v > m } else { v >= m })
                && number("maximum").is_none_or(|m| if open("exclusiveMaximum") { v < m } else { v <= m })
                && number("exclusiveMinimum").is_none_or(|m| v > m)
                && number("exclusiveMaximum").is_none_or(|m| v < m)
                && number("multipleOf").is_none_or(|m| ((v / m) - (v / m).round()).abs() < 1e-9)
        }
        Value::String(text) => within(text.chars().count(), "minLength", "maxLength"),
        Value::Array(list) => {
            let repeated = || list.iter().enumerate().any(|(i, a)| list[..i].iter().any(|b| equal(a, b)));
            within(list.len(), "minItems", "maxItems")
                && !(map.get("uniqueItems") == Some(&Value::Bool(true)) && repeated())
        }
        Value::Object(object) => {
            let has = |name: &Value| name.as_str().is_some_and(|n| object.contains_key(n));
            let dependent = map.get("dependentRequired").or_else(|| map.get("dependencies"));
            within(object.len(), "minProperties", "maxProperties")
                && map.get("required").and_then(Value::as_array).is_none_or(|all| all.iter().all(has))
                && dependent.and_then(Value::as_object).into_iter().flatten().all(|(name, all)| {
                    !object.contains_key(name) || all.as_array().is_none_or(|all| all.iter().all(has))
                })
        }
        _ => true,
    }
}

fn is(value: &Value, wanted: &Value) -> bool {
    match (wanted.as_str().unwrap_or_default(), value) {
        ("null", Value::Null)
        | ("boolean", Value::Bool(_))
        | ("object", Value::Object(_))
        | ("array", Value::Array(_))
        | ("number", Value::Number(_))
        | ("string", Value::String(_)) => true,
        ("integer", Value::Number(n)) => {
            n.is_i64() || n.is_u64() || n.as_f64().is_some_and(|v| v.fract() == 0.0)
        }
        _ => false,
    }
}

/// `1` and `1.0` are equal.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| equal(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(k, v)| y.get(k).is_some_and(|w| equal(v, w)))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_held_against_schemas() {
        let schema = json!({
            "type": "object", "required": ["a"], "additionalProperties": false,
            "properties": {"a": {"$ref": "#/$defs/small"}, "b": {"type": "array", "items": {"enum": ["x", 1]}, "uniqueItems": true}},
            "$defs": {"small": {"type": "integer", "maximum": 3}},
            "if": {"required": ["b"]}, "then": {"properties": {"a": {"const": 1}}},
        });
        let valid = |v: Value| Schema::new(&schema).unwrap().is_valid(&v).unwrap();
        assert!(valid(json!({"a": 2})) && valid(json!({"a": 1.0, "b": ["x", 1.0]})));
        for bad in [
            json!({"a": 4}),
            json!({"a": "1"}),
            json!({}),
            json!([1]),
            json!({"a": 1, "c": 1}),
            json!({"a": 2, "b": []}),
            json!({"a": 1, "b": [1, 1]}),
            json!({"a": true}),
        ] {
            assert!(!valid(bad.clone()), "{bad}");
        }
        let none = json!({"type": "nosuch"});
        assert!(Schema::new(&none).is_err());
        let endless = json!({"$ref": "#"});
        assert!(Schema::new(&endless).unwrap().is_valid(&json!(1)).is_err());
    }
}
