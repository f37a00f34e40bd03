//! Checksums that clients ask for beside SHA-256, which every object gets.

use std::collections::BTreeMap;
use std::str::FromStr;

use md5::Digest as _;
use serde::{Deserialize, Serialize};
use types::Digest;

/// A checksum algorithm that clients may ask to have verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    Md5,
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    /// As it is written behind `x-amz-checksum-`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Crc32 => "crc32",
            Self::Crc32c => "crc32c",
            Self::Crc64Nvme => "crc64nvme",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }
}

impl FromStr for Algorithm {
    type Err = ();

    /// In any case.
    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [Self::Md5, Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];
        all.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(text)).ok_or(())
    }
}

/// MD5 and others of bytes that stream by.
pub(crate) struct Checksums {
    md5: md5::Md5,
    crc: Vec<(Algorithm, crc_fast::Digest)>,
    sha1: Option<sha1::Sha1>,
    /// Those that others give: of SHA-256 and MD5.
    asked: Vec<Algorithm>,
}

impl Checksums {
    pub fn new(algorithms: &[Algorithm]) -> Self {
        let crc = |algorithm: &Algorithm| {
            let kind = match algorithm {
                Algorithm::Crc32 => crc_fast::CrcAlgorithm::Crc32IsoHdlc,
                Algorithm::Crc32c => crc_fast::CrcAlgorithm::Crc32Iscsi,
                Algorithm::Crc64Nvme => crc_fast::CrcAlgorithm::Crc64Nvme,
                _ => return None,
            };
            Some((*algorithm, crc_fast::Digest::new(kind)))
        };
        Self {
            md5: md5::Md5::new(),
            crc: algorithms.iter().filter_map(crc).collect(),
            sha1: algorithms.contains(&Algorithm::Sha1).then(sha1::Sha1::new),
            asked: algorithms.to_vec(),
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        for (_, crc) in &mut self.crc {
            crc.update(bytes);
        }
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
    }

    /// The MD5, and the raw bytes of all that were asked for.
    pub fn finish(self, sha256: &Digest) -> ([u8; 16], BTreeMap<Algorithm, Vec<u8>>) {
        let md5: [u8; 16] = self.md5.finalize().into();
        let mut sums = BTreeMap::new();
        for (algorithm, crc) in self.crc {
            let value = crc.finalize();
            let bytes = match algorithm {
                Algorithm::Crc64Nvme => value.to_be_bytes().to_vec(),
                _ => (value as u32).to_be_bytes().to_vec(),
            };
            sums.insert(algorithm, bytes);
        }
        if let Some(sha1) = self.sha1 {
            sums.insert(Algorithm::Sha1, sha1.finalize().to_vec());
        }
        if self.asked.contains(&Algorithm::Sha256) {
            sums.insert(Algorithm::Sha256, sha256.as_bytes().to_vec());
        }
        if self.asked.contains(&Algorithm::Md5) {
            sums.insert(Algorithm::Md5, md5.to_vec());
        }
        (md5, sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_the_check_string_are_those_of_the_catalogues() {
        let all = [
            Algorithm::Md5,
            Algorithm::Crc32,
            Algorithm::Crc32c,
            Algorithm::Crc64Nvme,
            Algorithm::Sha1,
            Algorithm::Sha256,
        ];
        let mut sums = Checksums::new(&all);
        sums.update(b"1234");
        sums.update(b"56789");
        let (md5, sums) = sums.finish(&Digest::of("123456789"));
        let hex = |algorithm| hex::encode(&sums[&algorithm]);
        assert_eq!(hex::encode(md5), "25f9e794323b453885f5181f1b624d0b");
        assert_eq!(hex(Algorithm::Crc32), "cbf43926");
        assert_eq!(hex(Algorithm::Crc32c), "e3069283");
        assert_eq!(hex(Algorithm::Crc64Nvme), "ae8b14860a799888");
        assert_eq!(hex(Algorithm::Sha1), "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
        assert_eq!(hex(Algorithm::Sha256), Digest::of("123456789").hex());
        assert_eq!(sums.len(), 6);
    }

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!("CRC64NVME".parse(), Ok(Algorithm::Crc64Nvme));
        assert_eq!("crc16".parse::<Algorithm>(), Err(()));
    }
}
