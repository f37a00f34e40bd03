//! As much of FlatBuffers as a CatBoost model needs: tables, vectors and texts, every offset checked.
//! Format: <https://flatbuffers.dev/internals/>.

use crate::Error;

fn broken() -> Error {
    Error::Broken("the CatBoost model points outside of itself".into())
}

#[derive(Clone, Copy)]
pub(crate) struct Table<'b> {
    bytes: &'b [u8],
    at: usize,
}

fn read<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Error> {
    let part = at.checked_add(N).and_then(|end| bytes.get(at..end)).ok_or_else(broken)?;
    let mut out = [0; N];
    out.copy_from_slice(part);
    Ok(out)
}

fn follow(bytes: &[u8], at: usize) -> Result<usize, Error> {
    at.checked_add(u32::from_le_bytes(read(bytes, at)?) as usize).ok_or_else(broken)
}

impl<'b> Table<'b> {
    pub(crate) fn root(bytes: &'b [u8]) -> Result<Self, Error> {
        Ok(Self { bytes, at: follow(bytes, 0)? })
    }

    /// Where the field of number `slot` stands; `None` where it has its default.
    fn field(&self, slot: usize) -> Result<Option<usize>, Error> {
        let back = i32::from_le_bytes(read(self.bytes, self.at)?);
        let vtable = i64::try_from(self.at).ok().and_then(|at| usize::try_from(at - i64::from(back)).ok());
        let vtable = vtable.ok_or_else(broken)?;
        let size = usize::from(u16::from_le_bytes(read(self.bytes, vtable)?));
        let entry = 4 + 2 * slot;
        if entry + 2 > size {
            return Ok(None);
        }
        let offset = usize::from(u16::from_le_bytes(read(self.bytes, vtable + entry)?));
        Ok(if offset == 0 { None } else { Some(self.at + offset) })
    }

    pub(crate) fn table(&self, slot: usize) -> Result<Option<Table<'b>>, Error> {
        match self.field(slot)? {
            Some(at) => Ok(Some(Self { bytes: self.bytes, at: follow(self.bytes, at)? })),
            None => Ok(None),
        }
    }

    pub(crate) fn int(&self, slot: usize, default: i32) -> Result<i32, Error> {
        Ok(match self.field(slot)? {
            Some(at) => i32::from_le_bytes(read(self.bytes, at)?),
            None => default,
        })
    }

    pub(crate) fn byte(&self, slot: usize) -> Result<u8, Error> {
        Ok(match self.field(slot)? {
            Some(at) => read::<1>(self.bytes, at)?[0],
            None => 0,
        })
    }

    pub(crate) fn double(&self, slot: usize, default: f64) -> Result<f64, Error> {
        Ok(match self.field(slot)? {
            Some(at) => f64::from_le_bytes(read(self.bytes, at)?),
            None => default,
        })
    }

    /// Start and number of a vector's elements of `width` bytes.
    fn vector(&self, slot: usize, width: usize) -> Result<(usize, usize), Error> {
        let Some(at) = self.field(slot)? else { return Ok((0, 0)) };
        let at = follow(self.bytes, at)?;
        let count = u32::from_le_bytes(read(self.bytes, at)?) as usize;
        let end = count.checked_mul(width).and_then(|n| n.checked_add(at + 4)).ok_or_else(broken)?;
        if end > self.bytes.len() {
            return Err(broken());
        }
        Ok((at + 4, count))
    }

    pub(crate) fn count(&self, slot: usize) -> Result<usize, Error> {
        Ok(self.vector(slot, 1)?.1)
    }

    pub(crate) fn values<const N: usize, T>(
        &self,
        slot: usize,
        read_one: fn([u8; N]) -> T,
    ) -> Result<Vec<T>, Error> {
        let (start, count) = self.vector(slot, N)?;
        (0..count).map(|i| Ok(read_one(read(self.bytes, start + i * N)?))).collect()
    }

    pub(crate) fn tables(&self, slot: usize) -> Result<Vec<Table<'b>>, Error> {
        let (start, count) = self.vector(slot, 4)?;
        (0..count).map(|i| Ok(Self { bytes: self.bytes, at: follow(self.bytes, start + 4 * i)? })).collect()
    }

    pub(crate) fn text(&self, slot: usize) -> Result<&'b str, Error> {
        let (start, count) = self.vector(slot, 1)?;
        std::str::from_utf8(&self.bytes[start..start + count])
            .map_err(|_| Error::Broken("a text of the CatBoost model is not UTF-8".into()))
    }
}
