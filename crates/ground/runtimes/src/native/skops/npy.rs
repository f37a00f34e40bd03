//! numpy's `.npy` format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use super::literal::{Literal, literal};
use crate::Error;

/// Values in C order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    Boolean(Vec<bool>),
    Text(Vec<String>),
    Records(Records),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array {
    pub shape: Vec<usize>,
    pub data: Data,
}

/// An array of structs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Records {
    fields: Vec<(String, usize, Scalar)>,
    width: usize,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scalar {
    kind: u8,
    bytes: usize,
}

impl Records {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() / self.width.max(1)
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.fields.iter().any(|(name, ..)| name == field)
    }

    /// The numbers of a field, as `f64`.
    pub(crate) fn floats(&self, field: &str) -> Result<Vec<f64>, Error> {
        self.read(field, |scalar, b| match scalar {
            Scalar { kind: b'f', bytes: 8 } => f64::from_le_bytes(array(b)),
            Scalar { kind: b'f', .. } => f64::from(f32::from_le_bytes(array(b))),
            _ => integer(scalar, b) as f64,
        })
    }

    pub(crate) fn integers(&self, field: &str) -> Result<Vec<i64>, Error> {
        self.read(field, integer)
    }

    fn read<T>(&self, field: &str, value: impl Fn(Scalar, &[u8]) -> T) -> Result<Vec<T>, Error> {
        let Some((_, offset, scalar)) = self.fields.iter().find(|(name, ..)| name == field) else {
            return Err(Error::Broken(format!("an array has no field `{field}`")));
        };
        let records = self.bytes.chunks_exact(self.width);
        Ok(records.map(|r| value(*scalar, &r[*offset..*offset + scalar.bytes])).collect())
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[..N]);
    out
}

/// Little-endian, sign extended; a float is cut.
fn integer(scalar: Scalar, bytes: &[u8]) -> i64 {
    match (scalar.kind, scalar.bytes) {
        (b'i', 1) => i64::from(bytes[0] as i8),
        (b'i', 2) => i64::from(i16::from_le_bytes(array(bytes))),
        (b'i', 4) => i64::from(i32::from_le_bytes(array(bytes))),
        (b'u' | b'b', 1) => i64::from(bytes[0]),
        (b'u', 2) => i64::from(u16::from_le_bytes(array(bytes))),
        (b'u', 4) => i64::from(u32::from_le_bytes(array(bytes))),
        (b'f', 4) => f32::from_le_bytes(array(bytes)) as i64,
        (b'f', 8) => f64::from_le_bytes(array(bytes)) as i64,
        _ => i64::from_le_bytes(array(bytes)),
    }
}

fn broken(what: impl Into<String>) -> Error {
    Error::Broken(format!("an array (.npy) of the file: {}", what.into()))
}

pub(crate) fn read(bytes: &[u8]) -> Result<Array, Error> {
    let start = match bytes {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => {
            10..10 + usize::from(u16::from_le_bytes([*a, *b]))
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, ..] => {
            12..12 + u32::from_le_bytes([*a, *b, *c, *d]) as usize
        }
        _ => return Err(broken("it has no numpy header")),
    };
    let header = bytes.get(start.clone()).ok_or_else(|| broken("its header is cut"))?;
    let header = literal(std::str::from_utf8(header).map_err(|_| broken("its header is no text"))?)
        .ok_or_else(|| broken("its header is not readable"))?;
    let shape: Vec<usize> = match header.get("shape") {
        Some(Literal::List(items)) => items
            .iter()
            .map(|i| match i {
                Literal::Integer(n) => usize::try_from(*n).ok(),
                _ => None,
            })
            .collect::<Option<_>>()
            .ok_or_else(|| broken("its shape is not readable"))?,
        _ => return Err(broken("it has no shape")),
    };
    let count = shape
        .iter()
        .try_fold(1_usize, |n, d| n.checked_mul(*d))
        .ok_or_else(|| broken("its shape is too large"))?;
    let body = &bytes[start.end..];
    let fortran = header.get("fortran_order") == Some(&Literal::Boolean(true));
    let mut array = match header.get("descr") {
        Some(Literal::Text(descr)) => Array { data: plain(descr, count, body)?, shape },
        Some(Literal::List(fields)) => Array { data: Data::Records(records(fields, count, body)?), shape },
        _ => return Err(broken("it has no type")),
    };
    if fortran && array.shape.len() > 1 {
        transpose(&mut array)?;
    }
    Ok(array)
}

fn scalar(descr: &str) -> Result<Scalar, Error> {
    let refuse = || broken(format!("type `{descr}` is not read"));
    let (&order, rest) = descr.as_bytes().split_first().ok_or_else(refuse)?;
    let (&kind, size) = rest.split_first().ok_or_else(refuse)?;
    let bytes: usize = std::str::from_utf8(size).ok().and_then(|s| s.parse().ok()).ok_or_else(refuse)?;
    if !matches!(order, b'<' | b'|' | b'=') {
        return Err(broken(format!("type `{descr}`: only little-endian arrays are read")));
    }
    Ok(Scalar { kind, bytes })
}

fn cut(body: &[u8], count: usize, width: usize) -> Result<&[u8], Error> {
    count
        .checked_mul(width)
        .and_then(|n| body.get(..n))
        .ok_or_else(|| broken("its shape says more values than it has"))
}

fn plain(descr: &str, count: usize, body: &[u8]) -> Result<Data, Error> {
    let scalar = scalar(descr)?;
    let Scalar { kind, bytes } = scalar;
    let width = if kind == b'U' {
        bytes.checked_mul(4).ok_or_else(|| broken("its texts are too long"))?
    } else {
        bytes
    };
    let body = cut(body, count, width)?;
    let items = body.chunks_exact(width.max(1));
    Ok(match (kind, bytes) {
        (b'f', 4) => Data::F32(items.map(|b| f32::from_le_bytes(array(b))).collect()),
        (b'f', 8) => Data::F64(items.map(|b| f64::from_le_bytes(array(b))).collect()),
        (b'u', 8) => Data::U64(items.map(|b| u64::from_le_bytes(array(b))).collect()),
        (b'i', 1 | 2 | 4 | 8) | (b'u', 1 | 2 | 4) => Data::I64(items.map(|b| integer(scalar, b)).collect()),
        (b'b', 1) => Data::Boolean(items.map(|b| b[0] != 0).collect()),
        (b'U', 0) => Data::Text(vec![String::new(); count]),
        (b'U', _) => Data::Text(
            items
                .map(|b| {
                    b.chunks_exact(4)
                        .map(|c| u32::from_le_bytes(array(c)))
                        .take_while(|c| *c != 0)
                        .map(|c| char::from_u32(c).ok_or_else(|| broken("a text is no Unicode")))
                        .collect::<Result<String, Error>>()
                })
                .collect::<Result<_, _>>()?,
        ),
        _ => return Err(broken(format!("type `{descr}` is not read"))),
    })
}

fn records(fields: &[Literal], count: usize, body: &[u8]) -> Result<Records, Error> {
    let mut named = Vec::new();
    let mut width = 0_usize;
    for field in fields {
        let Literal::List(parts) = field else { return Err(broken("a field is not readable")) };
        let [Literal::Text(name), Literal::Text(descr)] = parts.as_slice() else {
            return Err(broken("a field is not a number"));
        };
        let scalar = scalar(descr)?;
        if !name.is_empty() && scalar.kind != b'V' {
            let known = matches!(
                (scalar.kind, scalar.bytes),
                (b'i' | b'u', 1 | 2 | 4 | 8) | (b'f', 4 | 8) | (b'b', 1)
            );
            if !known {
                return Err(broken(format!("field `{name}` has type `{descr}`")));
            }
            named.push((name.clone(), width, scalar));
        }
        width = width.checked_add(scalar.bytes).ok_or_else(|| broken("its records are too wide"))?;
    }
    if width == 0 {
        return Err(broken("its records are empty"));
    }
    Ok(Records { fields: named, width, bytes: cut(body, count, width)?.to_vec() })
}

/// From Fortran's order into C's.
fn transpose(array: &mut Array) -> Result<(), Error> {
    fn reorder<T: Clone>(v: &[T], shape: &[usize]) -> Vec<T> {
        let mut strides = vec![1_usize; shape.len()];
        for i in 1..shape.len() {
            strides[i] = strides[i - 1] * shape[i - 1];
        }
        let mut index = vec![0_usize; shape.len()];
        let mut out = Vec::with_capacity(v.len());
        for _ in 0..v.len() {
            let at: usize = index.iter().zip(&strides).map(|(i, s)| i * s).sum();
            out.push(v[at].clone());
            for axis in (0..shape.len()).rev() {
                index[axis] += 1;
                if index[axis] < shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        out
    }
    let shape = &array.shape;
    array.data = match &array.data {
        Data::F32(v) => Data::F32(reorder(v, shape)),
        Data::F64(v) => Data::F64(reorder(v, shape)),
        Data::I64(v) => Data::I64(reorder(v, shape)),
        Data::U64(v) => Data::U64(reorder(v, shape)),
        Data::Boolean(v) => Data::Boolean(reorder(v, shape)),
        Data::Text(v) => Data::Text(reorder(v, shape)),
        Data::Records(_) => return Err(broken("its records have several dimensions")),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, body: &[u8]) -> Vec<u8> {
        let mut out = b"\x93NUMPY\x01\x00".to_vec();
        out.extend((header.len() as u16).to_le_bytes());
        out.extend(header.as_bytes());
        out.extend(body);
        out
    }

    #[test]
    fn fortran_order_is_turned() {
        let body: Vec<u8> = [1.0_f64, 4.0, 2.0, 5.0, 3.0, 6.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let array = read(&file("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }", &body)).unwrap();
        assert_eq!(array.data, Data::F64(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    }

    #[test]
    fn lying_shapes_are_refused_without_an_allocation() {
        for shape in ["(9223372036854775807,)", "(1099511627776, 1099511627776)", "(4,)"] {
            let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
            assert!(read(&file(&header, &[0; 8])).is_err(), "{shape}");
        }
        assert!(
            read(&file("{'descr': '<U999999999999999999', 'fortran_order': False, 'shape': (2,), }", &[]))
                .is_err()
        );
    }

    #[test]
    fn records_keep_their_padding() {
        let header =
            "{'descr': [('a', '<i8'), ('b', '|u1'), ('', '|V7')], 'fortran_order': False, 'shape': (1,), }";
        let mut body = 7_i64.to_le_bytes().to_vec();
        body.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        let Data::Records(records) = read(&file(header, &body)).unwrap().data else { panic!() };
        assert_eq!((records.integers("a").unwrap(), records.integers("b").unwrap()), (vec![7], vec![1]));
    }
}
