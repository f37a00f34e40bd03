//! `TensorProto`, and tensors in TensorFlow Serving's JSON.

use base64::Engine as _;
use runtimes::{ElementType, Tensor, TensorData, TensorSpec};
use wire_inference::datatype;
use wire_inference::json::{Json, write_text};

use crate::errors::Failure;
use crate::wire::{TensorProto, TensorShapeProto, TensorShapeProtoDim};

/// `tensorflow/core/framework/types.proto`.
const TYPES: [(ElementType, i32, &str); 14] = [
    (ElementType::F32, 1, "DT_FLOAT"),
    (ElementType::F64, 2, "DT_DOUBLE"),
    (ElementType::I32, 3, "DT_INT32"),
    (ElementType::U8, 4, "DT_UINT8"),
    (ElementType::I16, 5, "DT_INT16"),
    (ElementType::I8, 6, "DT_INT8"),
    (ElementType::Bytes, 7, "DT_STRING"),
    (ElementType::I64, 9, "DT_INT64"),
    (ElementType::Bool, 10, "DT_BOOL"),
    (ElementType::Bf16, 14, "DT_BFLOAT16"),
    (ElementType::U16, 17, "DT_UINT16"),
    (ElementType::F16, 19, "DT_HALF"),
    (ElementType::U32, 22, "DT_UINT32"),
    (ElementType::U64, 23, "DT_UINT64"),
];

/// Number and name of a type.
pub fn type_of(element: ElementType) -> (i32, &'static str) {
    TYPES.iter().find(|(e, ..)| *e == element).map_or((0, "DT_INVALID"), |(_, number, name)| (*number, name))
}

pub fn shape(dims: &[i64]) -> TensorShapeProto {
    let dim = dims.iter().map(|size| TensorShapeProtoDim { size: *size, name: String::new() }).collect();
    TensorShapeProto { dim, unknown_rank: false }
}

/// Values are packed into `tensor_content`, or stand in the field of their type; there the last one repeats.
pub fn of_proto(name: &str, proto: &TensorProto) -> Result<Tensor, Failure> {
    let bad = |what: String| Failure::bad(format!("input \"{name}\": {what}"));
    let Some((element, ..)) = TYPES.iter().find(|(_, number, _)| *number == proto.dtype) else {
        return Err(bad(format!("data type {} is not supported", proto.dtype)));
    };
    let dims: Vec<i64> = proto.tensor_shape.iter().flat_map(|s| s.dim.iter().map(|d| d.size)).collect();
    let count = dims.iter().try_fold(1_i64, |n, d| if *d < 0 { None } else { n.checked_mul(*d) });
    let count = count.and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= MOST_VALUES);
    let Some(count) = count else { return Err(bad(format!("shape {dims:?} is not one of values"))) };
    let data = if proto.tensor_content.is_empty() {
        filled(*element, proto, count)
    } else {
        datatype::from_raw(*element, &proto.tensor_content)
    };
    match data {
        Some(data) if data.len() == count => Ok(Tensor { name: name.to_owned(), shape: dims, data }),
        Some(data) => Err(bad(format!("shape {dims:?} does not match its {} values", data.len()))),
        None => Err(bad(format!("its values are not those of {}", type_of(*element).1))),
    }
}

/// A lying shape must not make the server allocate: repeated values are limited to what a request could carry.
const MOST_VALUES: usize = 64 << 20;

fn filled(element: ElementType, proto: &TensorProto, count: usize) -> Option<TensorData> {
    fn grown<T: Clone + Default>(mut values: Vec<T>, count: usize) -> Vec<T> {
        if values.len() < count {
            let last = values.last().cloned().unwrap_or_default();
            values.resize(count, last);
        }
        values
    }
    fn narrowed<T: TryFrom<i32> + Clone + Default>(values: &[i32], count: usize) -> Option<Vec<T>> {
        let values: Option<Vec<T>> = values.iter().map(|n| T::try_from(*n).ok()).collect();
        Some(grown(values?, count))
    }
    let halves = || -> Option<Vec<u16>> { proto.half_val.iter().map(|n| u16::try_from(*n).ok()).collect() };
    Some(match element {
        ElementType::F32 => TensorData::F32(grown(proto.float_val.clone(), count)),
        ElementType::F64 => TensorData::F64(grown(proto.double_val.clone(), count)),
        ElementType::I32 => TensorData::I32(grown(proto.int_val.clone(), count)),
        ElementType::U8 => TensorData::U8(narrowed(&proto.int_val, count)?),
        ElementType::I16 => TensorData::I16(narrowed(&proto.int_val, count)?),
        ElementType::I8 => TensorData::I8(narrowed(&proto.int_val, count)?),
        ElementType::U16 => TensorData::U16(narrowed(&proto.int_val, count)?),
        ElementType::I64 => TensorData::I64(grown(proto.int64_val.clone(), count)),
        ElementType::Bool => TensorData::Bool(grown(proto.bool_val.clone(), count)),
        ElementType::U32 => TensorData::U32(grown(proto.uint32_val.clone(), count)),
        ElementType::U64 => TensorData::U64(grown(proto.uint64_val.clone(), count)),
        ElementType::Bytes => {
            TensorData::Bytes(grown(proto.string_val.iter().map(|b| b.to_vec()).collect(), count))
        }
        ElementType::F16 | ElementType::Bf16 => {
            let raw: Vec<u8> = grown(halves()?, count).iter().flat_map(|bits| bits.to_le_bytes()).collect();
            return datatype::from_raw(element, &raw);
        }
    })
}

/// In the field of its type, as the server sends them.
pub fn to_proto(tensor: &Tensor) -> TensorProto {
    let mut proto = TensorProto {
        dtype: type_of(tensor.element()).0,
        tensor_shape: Some(shape(&tensor.shape)),
        ..TensorProto::default()
    };
    match &tensor.data {
        TensorData::F32(v) => proto.float_val.clone_from(v),
        TensorData::F64(v) => proto.double_val.clone_from(v),
        TensorData::I32(v) => proto.int_val.clone_from(v),
        TensorData::U8(v) => proto.int_val = v.iter().map(|x| i32::from(*x)).collect(),
        TensorData::I16(v) => proto.int_val = v.iter().map(|x| i32::from(*x)).collect(),
        TensorData::I8(v) => proto.int_val = v.iter().map(|x| i32::from(*x)).collect(),
        TensorData::U16(v) => proto.int_val = v.iter().map(|x| i32::from(*x)).collect(),
        TensorData::I64(v) => proto.int64_val.clone_from(v),
        TensorData::Bool(v) => proto.bool_val.clone_from(v),
        TensorData::U32(v) => proto.uint32_val.clone_from(v),
        TensorData::U64(v) => proto.uint64_val.clone_from(v),
        TensorData::Bytes(v) => proto.string_val = v.iter().map(|b| b.clone().into()).collect(),
        TensorData::F16(_) | TensorData::Bf16(_) => {
            let mut raw = Vec::new();
            datatype::to_raw(&tensor.data, &mut raw);
            let halves = raw.chunks_exact(2).map(|c| i32::from(u16::from_le_bytes([c[0], c[1]])));
            proto.half_val = halves.collect();
        }
    }
    proto
}

/// Nested lists as a tensor; of texts, `{"b64": …}` are bytes.
pub fn of_json(spec: &TensorSpec, value: &Json) -> Result<Tensor, Failure> {
    let bad = |what: String| Failure::bad(format!("JSON Value for input \"{}\": {what}", spec.name));
    let data = if spec.element == ElementType::Bytes {
        let mut values = Vec::new();
        bytes(value, &mut values).map_err(bad)?;
        TensorData::Bytes(values)
    } else {
        datatype::from_json(spec.element, value).map_err(bad)?
    };
    let Some(shape) = datatype::shape_of(value) else {
        return Err(bad("its lists differ in length".into()));
    };
    Ok(Tensor { name: spec.name.clone(), shape, data })
}

fn bytes(value: &Json, out: &mut Vec<Vec<u8>>) -> Result<(), String> {
    match value {
        Json::List(items) => items.iter().try_for_each(|item| bytes(item, out)),
        Json::Text(text) => {
            out.push(text.as_bytes().to_vec());
            Ok(())
        }
        Json::Object(_) => {
            let text =
                value.get("b64").and_then(Json::text).ok_or("an object that is not {\"b64\": text}")?;
            let decoded = base64::engine::general_purpose::STANDARD.decode(text);
            out.push(decoded.map_err(|e| format!("its base64 cannot be decoded: {e}"))?);
            Ok(())
        }
        other => Err(format!("a {} where a string was expected", other.python_type())),
    }
}

/// The values from `at` on as nested lists of `shape`. Outputs whose names end in `_bytes` are base64.
pub fn write_json(out: &mut String, tensor: &Tensor, shape: &[i64], at: &mut usize) {
    let Some((length, rest)) = shape.split_first() else {
        if *at < tensor.data.len() {
            match &tensor.data {
                TensorData::Bytes(values) if tensor.name.ends_with("_bytes") => {
                    out.push_str("{\"b64\":");
                    write_text(out, &base64::engine::general_purpose::STANDARD.encode(&values[*at]));
                    out.push('}');
                }
                data => datatype::write_value(out, data, *at, false),
            }
            *at += 1;
        }
        return;
    };
    out.push('[');
    for index in 0..*length {
        if index > 0 {
            out.push(',');
        }
        write_json(out, tensor, rest, at);
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_survives_a_proto() {
        for (element, number, _) in TYPES {
            let tensor = Tensor { name: "x".into(), shape: vec![2, 1], data: TensorData::zeros(element, 2) };
            let proto = to_proto(&tensor);
            assert_eq!(proto.dtype, number);
            assert_eq!(of_proto("x", &proto).unwrap(), tensor);
        }
    }

    #[test]
    fn packed_content_and_repeated_values_are_read() {
        let mut proto = TensorProto { dtype: 1, tensor_shape: Some(shape(&[3])), ..Default::default() };
        proto.float_val = vec![1.0, 2.0];
        assert_eq!(of_proto("x", &proto).unwrap().data, TensorData::F32(vec![1.0, 2.0, 2.0]));
        proto.tensor_content =
            [1.0_f32, 2.0, 3.0].iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>().into();
        assert_eq!(of_proto("x", &proto).unwrap().data, TensorData::F32(vec![1.0, 2.0, 3.0]));
        proto.tensor_content = vec![0; 11].into();
        assert!(of_proto("x", &proto).is_err());
        proto.tensor_content = Vec::new().into();
        proto.tensor_shape = Some(shape(&[1 << 40, 1 << 40]));
        assert!(of_proto("x", &proto).is_err(), "a lying shape");
    }

    #[test]
    fn base64_is_read_and_written_as_bytes() {
        let spec = TensorSpec { name: "image_bytes".into(), element: ElementType::Bytes, shape: vec![-1] };
        let json = wire_inference::json::parse(br#"[{"b64": "/w=="}, "a"]"#).unwrap();
        let tensor = of_json(&spec, &json).unwrap();
        assert_eq!(tensor.data, TensorData::Bytes(vec![vec![255], b"a".to_vec()]));
        let mut text = String::new();
        write_json(&mut text, &tensor, &tensor.shape, &mut 0);
        assert_eq!(text, r#"[{"b64":"/w=="},{"b64":"YQ=="}]"#);
    }
}
