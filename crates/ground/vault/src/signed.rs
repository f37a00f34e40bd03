//! Tokens that let whoever holds one do one thing for a while: the addresses that clients are given to send and fetch
//! bytes. What a token says can be read by anybody, and made by nobody without a master key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use types::Timestamp;

use crate::{Error, Vault};

#[derive(Serialize, Deserialize)]
struct Claim<T> {
    /// What the token is for; a token of one purpose is none of another.
    purpose: String,
    /// Unix seconds.
    until: i64,
    what: T,
}

impl Vault {
    /// A token for URLs: letters, digits, `-`, `_` and one `.`. It ends with the second of `until`, or when the key
    /// that signed it is gone.
    ///
    /// Errors: `NotSigned` if `what` cannot be written as JSON.
    pub fn sign<T: Serialize>(&self, purpose: &str, until: Timestamp, what: &T) -> Result<String, Error> {
        let claim = Claim { purpose: purpose.to_owned(), until: until.millis() / 1_000, what };
        let bytes =
            serde_json::to_vec(&claim).map_err(|_| Error::NotSigned { purpose: purpose.to_owned() })?;
        let text = URL_SAFE_NO_PAD.encode(bytes);
        let keys = self.0.keys.read().map_err(|_| Error::Poisoned)?;
        let tag = hmac::sign(&keys.newest().mac, text.as_bytes());
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag)))
    }

    /// What a token of this purpose says; `None` if it was made elsewhere, changed, or ran out before `now`.
    pub fn read_signed<T: DeserializeOwned>(&self, purpose: &str, now: Timestamp, token: &str) -> Option<T> {
        let (text, tag) = token.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        let keys = self.0.keys.read().ok()?;
        let ours = keys.all().any(|key| hmac::verify(&key.mac, text.as_bytes(), &tag).is_ok());
        if !ours {
            return None;
        }
        let claim: Claim<T> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        (claim.purpose == purpose && now.millis() / 1_000 <= claim.until).then_some(claim.what)
    }
}
