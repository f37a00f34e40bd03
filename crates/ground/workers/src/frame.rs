//! What server and worker say to each other; `worker.py` says how a frame looks.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use half::{bf16, f16};
use runtimes::{ElementType, Params, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Error;

const MAGIC: &[u8; 4] = b"MLWF";
const HEAD: usize = 16;
/// A worker may be anybody's code: what it says of its lengths is believed up to here.
const MOST_HEADER: usize = 16 << 20;
const MOST_BODY: u64 = 2 << 30;

/// What kind of object a model returned, so that a door can give back the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    #[default]
    Array,
    Frame,
    Series,
    Dict,
    List,
    Text,
    Export,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub form: Form,
    pub outputs: Vec<Tensor>,
}

#[derive(Deserialize)]
struct Described {
    name: String,
    dtype: String,
    shape: Vec<i64>,
    bytes: usize,
}

/// What a worker is asked.
#[derive(Clone, Copy)]
pub struct Call<'c> {
    pub op: &'static str,
    /// `predict` if none.
    pub method: Option<&'c str>,
    pub inputs: &'c [Tensor],
    pub params: Option<&'c Params>,
}

impl<'c> Call<'c> {
    pub fn new(op: &'static str, inputs: &'c [Tensor]) -> Self {
        Self { op, method: None, inputs, params: None }
    }
}

/// Header and body.
pub(crate) struct Frame {
    pub header: Value,
    pub body: Vec<u8>,
}

impl Frame {
    pub fn request(id: u64, call: &Call<'_>) -> Self {
        let mut body = Vec::new();
        let described: Vec<Value> = call
            .inputs
            .iter()
            .map(|tensor| {
                let before = body.len();
                write_data(&tensor.data, &mut body);
                json!({
                    "name": tensor.name, "dtype": tensor.element().name(), "shape": tensor.shape,
                    "bytes": body.len() - before,
                })
            })
            .collect();
        let mut header = json!({ "id": id, "op": call.op, "method": call.method, "inputs": described });
        // A text in the text: JSON of Python's knows NaN, and that of the header does not.
        if let Some(params) = call.params.and_then(Params::text) {
            header["params"] = params.into();
        }
        Self { header, body }
    }

    /// What the worker answered, or what it says went wrong.
    pub fn into_answer(self, id: u64) -> Result<Answer, Error> {
        let protocol = |message: &str| Error::Protocol(message.to_owned());
        failure(&self.header)?;
        if self.header["id"].as_u64() != Some(id) {
            return Err(protocol("it answered another request"));
        }
        let form = serde_json::from_value(self.header["form"].clone()).unwrap_or_default();
        let described: Vec<Described> = match self.header.get("outputs") {
            Some(outputs) => serde_json::from_value(outputs.clone()).map_err(|e| protocol(&e.to_string()))?,
            None => Vec::new(),
        };
        let mut outputs = Vec::with_capacity(described.len());
        let mut rest = self.body.as_slice();
        for tensor in described {
            let (part, after) = rest
                .split_at_checked(tensor.bytes)
                .ok_or_else(|| protocol("a tensor is longer than its frame"))?;
            rest = after;
            let count =
                tensor.shape.iter().try_fold(1_usize, |n, d| n.checked_mul(usize::try_from(*d).ok()?));
            let count = count.ok_or_else(|| protocol("a shape is negative or too large"))?;
            let data = read_data(&tensor.dtype, part, count).ok_or_else(|| {
                Error::Protocol(format!("output `{}` is no {} of that shape", tensor.name, tensor.dtype))
            })?;
            outputs.push(Tensor { name: tensor.name, shape: tensor.shape, data });
        }
        Ok(Answer { form, outputs })
    }
}

/// Errs when a frame says that the worker failed.
pub(crate) fn failure(header: &Value) -> Result<(), Error> {
    let Some(error) = header.get("error") else { return Ok(()) };
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    let message = format!("{}: {}", text("kind"), text("message"));
    Err(match error["during"].as_str() {
        Some("load") => Error::Load { message, trace: text("trace") },
        _ => Error::Run { message, trace: text("trace") },
    })
}

/// Time that is left, as a socket takes it; errs when there is none.
fn left(deadline: Instant) -> io::Result<Option<Duration>> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
}

/// Errs with `TimedOut` or `WouldBlock` after the deadline.
pub(crate) fn send(mut stream: &UnixStream, frame: &Frame, deadline: Instant) -> io::Result<()> {
    let header = frame.header.to_string();
    let mut head = Vec::with_capacity(HEAD + header.len());
    head.extend_from_slice(MAGIC);
    head.extend_from_slice(&u32::try_from(header.len()).unwrap_or(u32::MAX).to_le_bytes());
    head.extend_from_slice(&(frame.body.len() as u64).to_le_bytes());
    head.extend_from_slice(header.as_bytes());
    for mut part in [head.as_slice(), frame.body.as_slice()] {
        while !part.is_empty() {
            stream.set_write_timeout(left(deadline)?)?;
            match stream.write(part) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => part = &part[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

pub(crate) fn receive(stream: &UnixStream, deadline: Instant) -> io::Result<Frame> {
    let bad = |text: &str| io::Error::new(io::ErrorKind::InvalidData, text.to_owned());
    let head = exactly(stream, HEAD, deadline)?;
    let header = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    let body = head[8..HEAD].iter().rev().fold(0_u64, |n, byte| (n << 8) | u64::from(*byte));
    if &head[..4] != MAGIC {
        return Err(bad("not a frame"));
    }
    if header > MOST_HEADER || body > MOST_BODY {
        return Err(bad("a frame of an unreasonable length"));
    }
    let header = exactly(stream, header, deadline)?;
    let header =
        serde_json::from_slice(&header).map_err(|e| bad(&format!("a header that is no JSON: {e}")))?;
    let body = exactly(stream, usize::try_from(body).map_err(|_| bad("too long"))?, deadline)?;
    Ok(Frame { header, body })
}

fn exactly(mut stream: &UnixStream, count: usize, deadline: Instant) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // Memory grows with what arrives, not with what was announced.
    while bytes.len() < count {
        let start = bytes.len();
        bytes.resize(count.min(start + (1 << 20)), 0);
        let mut filled = start;
        while filled < bytes.len() {
            stream.set_read_timeout(left(deadline)?)?;
            match stream.read(&mut bytes[filled..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(bytes)
}

fn write_data(data: &TensorData, out: &mut Vec<u8>) {
    macro_rules! plain {
        ($v:expr) => {
            for value in $v {
                out.extend_from_slice(&value.to_le_bytes());
            }
        };
    }
    match data {
        TensorData::Bool(v) => out.extend(v.iter().map(|b| u8::from(*b))),
        TensorData::U8(v) => out.extend_from_slice(v),
        TensorData::U16(v) => plain!(v),
        TensorData::U32(v) => plain!(v),
        TensorData::U64(v) => plain!(v),
        TensorData::I8(v) => plain!(v),
        TensorData::I16(v) => plain!(v),
        TensorData::I32(v) => plain!(v),
        TensorData::I64(v) => plain!(v),
        TensorData::F16(v) => plain!(v),
        TensorData::Bf16(v) => plain!(v),
        TensorData::F32(v) => plain!(v),
        TensorData::F64(v) => plain!(v),
        TensorData::Bytes(v) => {
            for value in v {
                out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
                out.extend_from_slice(value);
            }
        }
    }
}

/// `None` where the bytes are not `count` values.
fn read_data(dtype: &str, bytes: &[u8], count: usize) -> Option<TensorData> {
    macro_rules! plain {
        ($variant:ident, $t:ty) => {{
            const WIDTH: usize = size_of::<$t>();
            if bytes.len() != count.checked_mul(WIDTH)? {
                return None;
            }
            let values = bytes.chunks_exact(WIDTH).map(|part| {
                let mut value = [0; WIDTH];
                value.copy_from_slice(part);
                <$t>::from_le_bytes(value)
            });
            TensorData::$variant(values.collect())
        }};
    }
    Some(match dtype {
        "bool" => TensorData::Bool((bytes.len() == count).then(|| bytes.iter().map(|b| *b != 0).collect())?),
        "uint8" => plain!(U8, u8),
        "uint16" => plain!(U16, u16),
        "uint32" => plain!(U32, u32),
        "uint64" => plain!(U64, u64),
        "int8" => plain!(I8, i8),
        "int16" => plain!(I16, i16),
        "int32" => plain!(I32, i32),
        "int64" => plain!(I64, i64),
        "float16" => plain!(F16, f16),
        "bfloat16" => plain!(Bf16, bf16),
        "float32" => plain!(F32, f32),
        "float64" => plain!(F64, f64),
        "bytes" => {
            let mut values = Vec::new();
            let mut rest = bytes;
            while let Some((length, after)) = rest.split_first_chunk::<4>() {
                let (value, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
                values.push(value.to_vec());
                rest = after;
            }
            (rest.is_empty() && values.len() == count).then_some(TensorData::Bytes(values))?
        }
        _ => return None,
    })
}

/// Of numpy's word.
pub(crate) fn element(dtype: &str) -> Option<ElementType> {
    Some(match dtype {
        "bool" => ElementType::Bool,
        "uint8" => ElementType::U8,
        "uint16" => ElementType::U16,
        "uint32" => ElementType::U32,
        "uint64" => ElementType::U64,
        "int8" => ElementType::I8,
        "int16" => ElementType::I16,
        "int32" => ElementType::I32,
        "int64" => ElementType::I64,
        "float16" => ElementType::F16,
        "float32" => ElementType::F32,
        "float64" => ElementType::F64,
        "object" | "str" | "string" | "bytes" => ElementType::Bytes,
        other if other.starts_with('<') || other.starts_with("datetime") => ElementType::Bytes,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_survive_the_way_and_lying_lengths_do_not() {
        let tensors = [
            Tensor::new("a", [2, 2], TensorData::F32(vec![1.0, -0.5, f32::NAN, 3.0])),
            Tensor::new("b", [2], TensorData::Bytes(vec![b"x".to_vec(), Vec::new()])),
            Tensor::new("c", [2], TensorData::Bool(vec![true, false])),
        ];
        let mut frame = Frame::request(7, &Call::new("predict", &tensors));
        frame.header["outputs"] = frame.header["inputs"].take();
        let copy = Frame { header: frame.header.clone(), body: frame.body.clone() };
        let back = copy.into_answer(7).unwrap().outputs;
        assert_eq!(back[1], tensors[1]);
        assert_eq!(back[2], tensors[2]);
        assert!(matches!(&back[0].data, TensorData::F32(v) if v[1] == -0.5 && v[2].is_nan()));
        for (pointer, value) in
            [("/outputs/0/bytes", 99), ("/outputs/0/shape/0", -3), ("/outputs/1/shape/0", 3), ("/id", 8)]
        {
            let mut header = frame.header.clone();
            *header.pointer_mut(pointer).unwrap() = json!(value);
            let lying = Frame { header, body: frame.body.clone() };
            assert!(matches!(lying.into_answer(7), Err(Error::Protocol(_))), "{pointer}");
        }
    }
}
