use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::Error;

/// An Ed25519 key (RFC 8032): the same message always gets the same signature.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// A new key, and its private half as PKCS #8, which is to be sealed.
    pub fn generate() -> Result<(Self, Vec<u8>), Error> {
        let document =
            Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| Error::NoRandomness)?;
        Ok((Self::from_pkcs8(document.as_ref())?, document.as_ref().to_vec()))
    }

    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, Error> {
        let damaged = |_| Error::NotOpened { context: "a signing key".into() };
        Ok(Self(Ed25519KeyPair::from_pkcs8(bytes).map_err(damaged)?))
    }

    /// 32 bytes.
    pub fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// 64 bytes.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

/// Whether whoever has the private half of `public` signed `message`.
pub fn verify_ed25519(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_message_and_key_alone() {
        let (key, pkcs8) = SigningKey::generate().unwrap();
        let signature = key.sign(b"a package");
        assert_eq!(SigningKey::from_pkcs8(&pkcs8).unwrap().sign(b"a package"), signature);
        assert!(verify_ed25519(key.public(), b"a package", &signature));
        assert!(!verify_ed25519(key.public(), b"a packagE", &signature));
        let (other, _) = SigningKey::generate().unwrap();
        assert!(!verify_ed25519(other.public(), b"a package", &signature));
        assert!(!verify_ed25519(b"short", b"a package", &signature));
    }
}
