//! OTLP's messages, the part that traces need: `opentelemetry/proto/{collector/trace/v1/trace_service,trace/v1/trace,
//! common/v1/common,resource/v1/resource}.proto` at 1.5. Read and written as protobuf by prost, read as JSON by serde: there,
//! ids are hexadecimal, 64-bit integers may be texts, and unknown fields are passed over.

use prost::{Message, Oneof};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExportTraceServiceRequest {
    #[prost(message, repeated, tag = "1")]
    #[serde(alias = "resource_spans")]
    pub resource_spans: Vec<ResourceSpans>,
}

impl ExportTraceServiceRequest {
    /// As protobuf.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.encode_to_vec()
    }

    /// From protobuf; `None` if it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::decode(bytes).ok()
    }
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExportTraceServiceResponse {
    #[prost(message, optional, tag = "1")]
    #[serde(alias = "partial_success")]
    pub partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PartialSuccess {
    #[prost(int64, tag = "1")]
    #[serde(alias = "rejected_spans", deserialize_with = "integer")]
    pub rejected_spans: i64,
    #[prost(string, tag = "2")]
    #[serde(alias = "error_message")]
    pub error_message: String,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    pub resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    #[serde(alias = "scope_spans")]
    pub scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Resource {
    #[prost(message, repeated, tag = "1")]
    pub attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    pub scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    pub spans: Vec<Span>,
}

impl ExportTraceServiceResponse {
    /// From protobuf; `None` if it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::decode(bytes).ok()
    }
}

/// `InstrumentationScope`.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Scope {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub version: String,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Span {
    #[prost(bytes = "vec", tag = "1")]
    #[serde(alias = "trace_id", deserialize_with = "hexadecimal")]
    pub trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    #[serde(alias = "span_id", deserialize_with = "hexadecimal")]
    pub span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    #[serde(alias = "trace_state")]
    pub trace_state: String,
    #[prost(bytes = "vec", tag = "4")]
    #[serde(alias = "parent_span_id", deserialize_with = "hexadecimal")]
    pub parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    pub name: String,
    /// 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    #[prost(int32, tag = "6")]
    #[serde(deserialize_with = "span_kind")]
    pub kind: i32,
    #[prost(fixed64, tag = "7")]
    #[serde(alias = "start_time_unix_nano", deserialize_with = "unsigned")]
    pub start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    #[serde(alias = "end_time_unix_nano", deserialize_with = "unsigned")]
    pub end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    pub attributes: Vec<KeyValue>,
    #[prost(message, repeated, tag = "11")]
    pub events: Vec<Event>,
    #[prost(message, repeated, tag = "13")]
    pub links: Vec<Link>,
    #[prost(message, optional, tag = "15")]
    pub status: Option<Status>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Event {
    #[prost(fixed64, tag = "1")]
    #[serde(alias = "time_unix_nano", deserialize_with = "unsigned")]
    pub time_unix_nano: u64,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, repeated, tag = "3")]
    pub attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Link {
    #[prost(bytes = "vec", tag = "1")]
    #[serde(alias = "trace_id", deserialize_with = "hexadecimal")]
    pub trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    #[serde(alias = "span_id", deserialize_with = "hexadecimal")]
    pub span_id: Vec<u8>,
    #[prost(message, repeated, tag = "4")]
    pub attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    #[prost(string, tag = "2")]
    pub message: String,
    /// 0 unset, 1 ok, 2 error.
    #[prost(int32, tag = "3")]
    #[serde(deserialize_with = "status_code")]
    pub code: i32,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KeyValue {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(message, optional, tag = "2")]
    pub value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub value: Option<Value>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Value {
    #[prost(string, tag = "1")]
    String(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(int64, tag = "3")]
    Int(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    Array(ArrayValue),
    #[prost(message, tag = "6")]
    List(KeyValueList),
    #[prost(bytes = "vec", tag = "7")]
    Bytes(Vec<u8>),
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
pub struct ArrayValue {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<AnyValue>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
pub struct KeyValueList {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<KeyValue>,
}

/// A number that may come as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for AnyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Json {
            #[serde(alias = "string_value")]
            string_value: Option<String>,
            #[serde(alias = "bool_value")]
            bool_value: Option<bool>,
            #[serde(alias = "int_value")]
            int_value: Option<Number>,
            #[serde(alias = "double_value")]
            double_value: Option<Number>,
            #[serde(alias = "array_value")]
            array_value: Option<ArrayValue>,
            #[serde(alias = "kvlist_value")]
            kvlist_value: Option<KeyValueList>,
            #[serde(alias = "bytes_value")]
            bytes_value: Option<String>,
        }
        let json = Json::deserialize(deserializer)?;
        let double = |number: Number| match number {
            Number::Signed(n) => Ok(n as f64),
            Number::Unsigned(n) => Ok(n as f64),
            Number::Float(n) => Ok(n),
            Number::Text(text) => match text.as_str() {
                "NaN" => Ok(f64::NAN),
                "Infinity" => Ok(f64::INFINITY),
                "-Infinity" => Ok(f64::NEG_INFINITY),
                other => other.parse().map_err(|_| D::Error::custom("not a double")),
            },
        };
        let int = |number: Number| match number {
            Number::Signed(n) => Ok(n),
            Number::Text(text) => text.parse().map_err(|_| D::Error::custom("not a 64-bit integer")),
            _ => Err(D::Error::custom("not a 64-bit integer")),
        };
        let bytes = |text: String| {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.decode(text).map_err(|_| D::Error::custom("not base64"))
        };
        let value = if let Some(text) = json.string_value {
            Some(Value::String(text))
        } else if let Some(flag) = json.bool_value {
            Some(Value::Bool(flag))
        } else if let Some(number) = json.int_value {
            Some(Value::Int(int(number)?))
        } else if let Some(number) = json.double_value {
            Some(Value::Double(double(number)?))
        } else if let Some(array) = json.array_value {
            Some(Value::Array(array))
        } else if let Some(list) = json.kvlist_value {
            Some(Value::List(list))
        } else {
            json.bytes_value.map(bytes).transpose()?.map(Value::Bytes)
        };
        Ok(Self { value })
    }
}

fn hexadecimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let digit = |byte: u8| (byte as char).to_digit(16);
    let pairs = text.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(D::Error::custom("an id needs an even number of hexadecimal digits"));
    }
    pairs
        .map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8))
        .collect::<Option<_>>()
        .ok_or_else(|| D::Error::custom("an id is not hexadecimal"))
}

fn unsigned<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match Number::deserialize(deserializer)? {
        Number::Unsigned(n) => Ok(n),
        Number::Signed(n) => u64::try_from(n).map_err(D::Error::custom),
        Number::Text(text) => text.parse().map_err(D::Error::custom),
        Number::Float(_) => Err(D::Error::custom("not a 64-bit integer")),
    }
}

fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    match Number::deserialize(deserializer)? {
        Number::Signed(n) => Ok(n),
        Number::Text(text) => text.parse().map_err(D::Error::custom),
        _ => Err(D::Error::custom("not a 64-bit integer")),
    }
}

/// A kind that nobody knows is none: spans are not refused for it.
fn span_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    const NAMES: [&str; 6] = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
    Ok(match Number::deserialize(deserializer)? {
        Number::Signed(n) => i32::try_from(n).unwrap_or(0),
        Number::Text(text) => {
            let name = text.strip_prefix("SPAN_KIND_").unwrap_or(&text);
            NAMES.iter().position(|known| *known == name).map_or(0, |at| at as i32)
        }
        _ => 0,
    })
}

fn status_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    match Number::deserialize(deserializer)? {
        Number::Signed(n) => i32::try_from(n).map_err(D::Error::custom),
        Number::Text(text) => match text.as_str() {
            "STATUS_CODE_OK" => Ok(1),
            "STATUS_CODE_ERROR" => Ok(2),
            "STATUS_CODE_UNSET" => Ok(0),
            _ => Err(D::Error::custom("not a status code")),
        },
        _ => Err(D::Error::custom("not a status code")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_protobuf_say_the_same() {
        let json = r#"{"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]},
            "scopeSpans": [{"scope": {"name": "n", "version": "1"}, "spans": [{"traceId": "0102", "spanId": "0a", "name": "x",
            "kind": "SPAN_KIND_SERVER", "startTimeUnixNano": "5", "endTimeUnixNano": 6, "traceState": "a=b", "later": [],
            "attributes": [{"key": "n", "value": {"intValue": "7"}}], "status": {"code": "STATUS_CODE_ERROR"}}]}]}]}"#;
        let read: ExportTraceServiceRequest = serde_json::from_str(json).unwrap();
        let span = &read.resource_spans[0].scope_spans[0].spans[0];
        assert_eq!((span.trace_id.as_slice(), span.span_id.as_slice()), (&[1, 2][..], &[10][..]));
        assert_eq!((span.kind, span.start_time_unix_nano, span.end_time_unix_nano), (2, 5, 6));
        assert_eq!(span.attributes[0].value.as_ref().unwrap().value, Some(Value::Int(7)));
        let bytes = read.encode_to_vec();
        assert_eq!(ExportTraceServiceRequest::decode(bytes.as_slice()).unwrap(), read);
    }
}
