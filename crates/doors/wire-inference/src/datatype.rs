//! OIP's datatypes: their names, and tensors to and from JSON and raw little-endian bytes.

use std::fmt::Write as _;

use half::{bf16, f16};
use runtimes::{ElementType, TensorData};

use crate::json::{Json, write_f32, write_f64, write_text};

pub fn name(element: ElementType) -> &'static str {
    match element {
        ElementType::Bool => "BOOL",
        ElementType::U8 => "UINT8",
        ElementType::U16 => "UINT16",
        ElementType::U32 => "UINT32",
        ElementType::U64 => "UINT64",
        ElementType::I8 => "INT8",
        ElementType::I16 => "INT16",
        ElementType::I32 => "INT32",
        ElementType::I64 => "INT64",
        ElementType::F16 => "FP16",
        ElementType::Bf16 => "BF16",
        ElementType::F32 => "FP32",
        ElementType::F64 => "FP64",
        ElementType::Bytes => "BYTES",
    }
}

pub fn element(name: &str) -> Option<ElementType> {
    Some(match name {
        "BOOL" => ElementType::Bool,
        "UINT8" => ElementType::U8,
        "UINT16" => ElementType::U16,
        "UINT32" => ElementType::U32,
        "UINT64" => ElementType::U64,
        "INT8" => ElementType::I8,
        "INT16" => ElementType::I16,
        "INT32" => ElementType::I32,
        "INT64" => ElementType::I64,
        "FP16" => ElementType::F16,
        "BF16" => ElementType::Bf16,
        "FP32" => ElementType::F32,
        "FP64" => ElementType::F64,
        "BYTES" => ElementType::Bytes,
        _ => return None,
    })
}

/// Values of a JSON list, nested or flat, in row-major order. The error says which value does not fit.
pub fn from_json(element: ElementType, data: &Json) -> Result<TensorData, String> {
    macro_rules! each {
        ($variant:ident, $convert:expr) => {{
            let mut out = Vec::with_capacity(leaves(data));
            walk(data, &mut |value| {
                let converted = $convert(value);
                out.push(converted.ok_or_else(|| wrong(element, out.len(), value))?);
                Ok(())
            })?;
            TensorData::$variant(out)
        }};
    }
    let int = |v: &Json| v.integer();
    Ok(match element {
        ElementType::Bool => each!(Bool, |v: &Json| match v {
            Json::Bool(b) => Some(*b),
            Json::Int(0) => Some(false),
            Json::Int(1) => Some(true),
            _ => None,
        }),
        ElementType::U8 => each!(U8, |v| int(v).and_then(|n| n.try_into().ok())),
        ElementType::U16 => each!(U16, |v| int(v).and_then(|n| n.try_into().ok())),
        ElementType::U32 => each!(U32, |v| int(v).and_then(|n| n.try_into().ok())),
        ElementType::U64 => each!(U64, |v: &Json| match v {
            Json::UInt(n) => Some(*n),
            other => int(other).and_then(|n| n.try_into().ok()),
        }),
        ElementType::I8 => each!(I8, |v| int(v).and_then(|n| n.try_into().ok())),
        ElementType::I16 => each!(I16, |v| int(v).and_then(|n| n.try_into().ok())),
        ElementType::I32 => each!(I32, |v| int(v).and_then(|n| n.try_into().ok())),
        ElementType::I64 => each!(I64, int),
        ElementType::F16 => each!(F16, |v: &Json| v.number().map(f16::from_f64)),
        ElementType::Bf16 => each!(Bf16, |v: &Json| v.number().map(bf16::from_f64)),
        ElementType::F32 => each!(F32, |v: &Json| v.number().map(|x| x as f32)),
        ElementType::F64 => each!(F64, Json::number),
        ElementType::Bytes => each!(Bytes, |v: &Json| v.text().map(|t| t.as_bytes().to_vec())),
    })
}

/// The shape of a nested list; a plain value has none (`[]`). `None` where lists of one level differ in length, or a value stands
/// beside a list.
pub fn shape_of(value: &Json) -> Option<Vec<i64>> {
    fn fits(value: &Json, shape: &[i64]) -> bool {
        match (value, shape.split_first()) {
            (Json::List(items), Some((length, rest))) => {
                items.len() as i64 == *length && items.iter().all(|item| fits(item, rest))
            }
            (Json::List(_), None) | (_, Some(_)) => false,
            (_, None) => true,
        }
    }
    let mut shape = Vec::new();
    let mut level = value;
    while let Json::List(items) = level {
        shape.push(items.len() as i64);
        match items.first() {
            Some(first) => level = first,
            None => break,
        }
    }
    fits(value, &shape).then_some(shape)
}

fn wrong(element: ElementType, index: usize, value: &Json) -> String {
    let shown = match value {
        Json::Text(text) => format!("the text `{}`", text.chars().take(40).collect::<String>()),
        Json::Int(n) => n.to_string(),
        Json::UInt(n) => n.to_string(),
        Json::Float(x) => x.to_string(),
        Json::Bool(b) => b.to_string(),
        Json::Null => "null".into(),
        Json::List(_) | Json::Object(_) => "an object".into(),
    };
    format!("value {index} is {shown}, which is no {}", name(element))
}

fn leaves(value: &Json) -> usize {
    match value {
        Json::List(items) if items.iter().any(|item| matches!(item, Json::List(_))) => {
            items.iter().map(leaves).sum()
        }
        Json::List(items) => items.len(),
        _ => 1,
    }
}

fn walk(value: &Json, each: &mut impl FnMut(&Json) -> Result<(), String>) -> Result<(), String> {
    match value {
        Json::List(items) => items.iter().try_for_each(|item| walk(item, each)),
        leaf => each(leaf),
    }
}

/// Raw values; bytes are each preceded by their length as `u32`. `None` if the length does not come out even.
pub fn from_raw(element: ElementType, raw: &[u8]) -> Option<TensorData> {
    macro_rules! each {
        ($variant:ident, $t:ty) => {{
            let chunks = raw.chunks_exact(size_of::<$t>());
            if !chunks.remainder().is_empty() {
                return None;
            }
            TensorData::$variant(
                chunks.map(|c| <$t>::from_le_bytes(c.try_into().unwrap_or_default())).collect(),
            )
        }};
    }
    Some(match element {
        ElementType::Bool => TensorData::Bool(raw.iter().map(|b| *b != 0).collect()),
        ElementType::U8 => TensorData::U8(raw.to_vec()),
        ElementType::I8 => each!(I8, i8),
        ElementType::U16 => each!(U16, u16),
        ElementType::U32 => each!(U32, u32),
        ElementType::U64 => each!(U64, u64),
        ElementType::I16 => each!(I16, i16),
        ElementType::I32 => each!(I32, i32),
        ElementType::I64 => each!(I64, i64),
        ElementType::F16 => each!(F16, f16),
        ElementType::Bf16 => each!(Bf16, bf16),
        ElementType::F32 => each!(F32, f32),
        ElementType::F64 => each!(F64, f64),
        ElementType::Bytes => {
            let mut rest = raw;
            let mut values = Vec::new();
            while !rest.is_empty() {
                let (length, after) = rest.split_first_chunk::<4>()?;
                let length = u32::from_le_bytes(*length) as usize;
                values.push(after.get(..length)?.to_vec());
                rest = &after[length..];
            }
            TensorData::Bytes(values)
        }
    })
}

pub fn to_raw(data: &TensorData, out: &mut Vec<u8>) {
    macro_rules! each {
        ($v:expr) => {
            for value in $v {
                out.extend_from_slice(&value.to_le_bytes());
            }
        };
    }
    match data {
        TensorData::Bool(v) => out.extend(v.iter().map(|b| u8::from(*b))),
        TensorData::U8(v) => out.extend_from_slice(v),
        TensorData::I8(v) => each!(v),
        TensorData::U16(v) => each!(v),
        TensorData::U32(v) => each!(v),
        TensorData::U64(v) => each!(v),
        TensorData::I16(v) => each!(v),
        TensorData::I32(v) => each!(v),
        TensorData::I64(v) => each!(v),
        TensorData::F16(v) => each!(v),
        TensorData::Bf16(v) => each!(v),
        TensorData::F32(v) => each!(v),
        TensorData::F64(v) => each!(v),
        TensorData::Bytes(v) => {
            for value in v {
                out.extend_from_slice(&(value.len() as u32).to_le_bytes());
                out.extend_from_slice(value);
            }
        }
    }
}

/// Appends one value. With `wide`, an f32 is written with the digits of the f64 it equals, as Python shows it.
pub fn write_value(out: &mut String, data: &TensorData, index: usize, wide: bool) {
    macro_rules! plain {
        ($v:expr) => {{
            // Writing into a String cannot fail.
            let _ = write!(out, "{}", $v[index]);
        }};
    }
    match data {
        TensorData::Bool(v) => plain!(v),
        TensorData::U8(v) => plain!(v),
        TensorData::U16(v) => plain!(v),
        TensorData::U32(v) => plain!(v),
        TensorData::U64(v) => plain!(v),
        TensorData::I8(v) => plain!(v),
        TensorData::I16(v) => plain!(v),
        TensorData::I32(v) => plain!(v),
        TensorData::I64(v) => plain!(v),
        TensorData::F16(v) => write_f64(out, v[index].to_f64()),
        TensorData::Bf16(v) => write_f64(out, v[index].to_f64()),
        TensorData::F32(v) if wide => write_f64(out, f64::from(v[index])),
        TensorData::F32(v) => write_f32(out, v[index]),
        TensorData::F64(v) => write_f64(out, v[index]),
        TensorData::Bytes(v) => write_text(out, &String::from_utf8_lossy(&v[index])),
    }
}

/// Appends `count` values from `start` as a flat list.
pub fn write_list(out: &mut String, data: &TensorData, start: usize, count: usize, wide: bool) {
    out.push('[');
    for index in start..start + count {
        if index > start {
            out.push(',');
        }
        write_value(out, data, index, wide);
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [ElementType; 14] = [
        ElementType::Bool,
        ElementType::U8,
        ElementType::U16,
        ElementType::U32,
        ElementType::U64,
        ElementType::I8,
        ElementType::I16,
        ElementType::I32,
        ElementType::I64,
        ElementType::F16,
        ElementType::Bf16,
        ElementType::F32,
        ElementType::F64,
        ElementType::Bytes,
    ];

    #[test]
    fn every_datatype_survives_json_and_raw_bytes() {
        for kind in ALL {
            assert_eq!(element(name(kind)), Some(kind));
            let values = if kind == ElementType::Bytes { r#"[["a"],["bé"]]"# } else { "[[1],[0]]" };
            let data = from_json(kind, &crate::json::parse(values.as_bytes()).unwrap()).unwrap();
            assert_eq!((data.element(), data.len()), (kind, 2));
            let mut raw = Vec::new();
            to_raw(&data, &mut raw);
            assert_eq!(from_raw(kind, &raw).unwrap(), data);
            let mut text = String::new();
            write_list(&mut text, &data, 0, 2, false);
            assert_eq!(from_json(kind, &crate::json::parse(text.as_bytes()).unwrap()).unwrap(), data);
            if kind.width() != Some(1) {
                assert_eq!(from_raw(kind, &raw[..raw.len() - 1]), None, "{kind:?}");
            }
        }
    }

    #[test]
    fn lists_that_differ_in_length_have_no_shape_whatever_they_add_up_to() {
        let shape = |text: &str| shape_of(&crate::json::parse(text.as_bytes()).unwrap());
        assert_eq!(shape("[[1, 2], [3, 4], [5, 6]]"), Some(vec![3, 2]));
        assert_eq!(
            (shape("7"), shape("[]"), shape("[[], []]")),
            (Some(vec![]), Some(vec![0]), Some(vec![2, 0]))
        );
        for wrong in ["[[1, 2], [3], [4, 5, 6]]", "[[1, 2], 3, 4]", "[1, [2]]", "[[[1]], [2]]", "[[], [1]]"] {
            assert_eq!(shape(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_named() {
        let parse = |t: &str| crate::json::parse(t.as_bytes()).unwrap();
        let error = |kind, text: &str| from_json(kind, &parse(text)).unwrap_err();
        assert_eq!(error(ElementType::U8, "[1, 256]"), "value 1 is 256, which is no UINT8");
        assert_eq!(error(ElementType::I64, "[1.5]"), "value 0 is 1.5, which is no INT64");
        assert_eq!(error(ElementType::F32, "[\"x\"]"), "value 0 is the text `x`, which is no FP32");
        assert_eq!(error(ElementType::Bytes, "[null]"), "value 0 is null, which is no BYTES");
    }
}
