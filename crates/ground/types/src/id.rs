use std::cell::Cell;
use std::fmt;
use std::str::FromStr;

use rand::RngCore;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// An id as the outside sees it: UUIDv7, which sorts by creation time. Written as 32 lower-case hexadecimal
/// digits; hyphens are accepted on reading.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(Uuid);

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an id")]
pub struct UidError(String);

impl crate::Fault for UidError {
    fn class(&self) -> crate::Class {
        crate::Class::Invalid
    }
    fn hint(&self) -> crate::Hint {
        Some("an id has 32 hexadecimal digits".into())
    }
}

/// A new id for something created at `now`. Unique, also when the clock stands still; the ids that one thread makes
/// in a millisecond sort in the order of their making.
///
/// Layout of RFC 9562, section 6.2, method 1: 48 bits of milliseconds, a counter of 42 bits that begins anywhere in its
/// lower half, 32 random bits. Random bits are the thread's own: asking the kernel for them costs more than the rest.
pub fn new_id(now: Timestamp) -> Uid {
    thread_local! {
        static LAST: Cell<(u64, u64)> = const { Cell::new((u64::MAX, 0)) };
    }
    let millis = (now.0.max(0) as u64 / 1_000) & ((1 << 48) - 1);
    let mut random = rand::rng();
    let (last, counter) = LAST.get();
    let counter = if last == millis { counter + 1 } else { random.next_u64() >> (64 - 41) };
    LAST.set((millis, counter));
    let (high, low) = (u128::from(counter >> 30 & 0xfff), u128::from(counter & 0x3fff_ffff));
    let random = u128::from(random.next_u32());
    Uid::from_u128(u128::from(millis) << 80 | 7 << 76 | high << 64 | 2 << 62 | low << 32 | random)
}

impl Uid {
    pub const fn from_u128(value: u128) -> Self {
        Self(Uuid::from_u128(value))
    }

    pub const fn as_u128(self) -> u128 {
        self.0.as_u128()
    }

    pub fn hex(&self) -> String {
        self.0.simple().to_string()
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.simple())
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uid {
    type Err = UidError;

    fn from_str(text: &str) -> Result<Self, UidError> {
        Uuid::parse_str(text).map(Self).map_err(|_| UidError(text.to_owned()))
    }
}

impl Serialize for Uid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Uid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_of_a_moment_differ_and_sort_as_they_were_made() {
        let now = Timestamp(1_764_000_000_123_456);
        let ids: Vec<Uid> = (0..10_000).map(|_| new_id(now)).collect();
        assert!(ids.is_sorted());
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        assert!(new_id(Timestamp(now.0 + 1_000)) > ids[9_999]);
    }

    #[test]
    fn an_id_is_a_uuid_of_version_7_with_its_time() {
        let id = new_id(Timestamp(1_764_000_000_123_456)).0;
        assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
        assert_eq!(id.as_u128() >> 80, 1_764_000_000_123);
    }

    #[test]
    fn threads_at_one_moment_make_other_ids() {
        let make = || (0..1_000).map(|_| new_id(Timestamp(5_000_000))).collect::<Vec<_>>();
        let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(make)).collect();
        let ids: Vec<Uid> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 8_000);
    }
}
