use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{ContextV7, Uuid};

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

/// A new id for something created at `now`. Unique in this process even when the clock stands still.
pub fn new_id(now: Timestamp) -> Uid {
    thread_local! {
        static CONTEXT: ContextV7 = const { ContextV7::new() };
    }
    let micros = now.0.max(0) as u64;
    CONTEXT.with(|context| {
        let seconds = micros / 1_000_000;
        let nanos = (micros % 1_000_000) as u32 * 1_000;
        Uid(Uuid::new_v7(uuid::Timestamp::from_unix(context, seconds, nanos)))
    })
}

impl Uid {
    pub const fn from_u128(value: u128) -> Self {
        Self(Uuid::from_u128(value))
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
