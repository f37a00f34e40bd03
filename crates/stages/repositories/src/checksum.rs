//! Checksums that clients ask for beside SHA-256, which every object gets.

use std::collections::BTreeMap;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use md5::Digest as _;
use serde::{Deserialize, Serialize};
use types::Digest;

use crate::Metadata;

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

    /// Whether an object of parts can have such a checksum.
    pub fn allows(self, of: ChecksumType) -> bool {
        match self {
            Self::Crc32 | Self::Crc32c => true,
            Self::Crc64Nvme => of == ChecksumType::FullObject,
            Self::Md5 | Self::Sha1 | Self::Sha256 => of == ChecksumType::Composite,
        }
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Md5 | Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// The raw bytes of a CRC, most significant first.
    fn bytes(self, crc: u64) -> Vec<u8> {
        match self {
            Self::Crc64Nvme => crc.to_be_bytes().to_vec(),
            _ => (crc as u32).to_be_bytes().to_vec(),
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

/// What the checksum of an object of parts is taken of, in S3's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumType {
    /// Of its bytes, however they came.
    FullObject,
    /// Of the checksums of its parts.
    Composite,
}

impl ChecksumType {
    pub fn name(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }

    /// That of a checksum of [`crate::Object::checksums`]: a composite one ends with a hyphen and the number of parts.
    pub fn of(checksum: &str) -> Self {
        if checksum.contains('-') { Self::Composite } else { Self::FullObject }
    }
}

impl FromStr for ChecksumType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::FullObject, Self::Composite].into_iter().find(|of| of.name() == text).ok_or(())
    }
}

/// The checksum of an object from those of its parts, with their sizes in bytes, as [`crate::Object::checksums`] holds
/// it. `None` if the algorithm has no such one, or a checksum not its length.
pub(crate) fn join(algorithm: Algorithm, of: ChecksumType, parts: &[(Vec<u8>, u64)]) -> Option<String> {
    if !algorithm.allows(of) {
        return None;
    }
    match of {
        ChecksumType::FullObject => {
            let crc = algorithm.crc()?;
            let mut whole = 0;
            for (index, (bytes, size)) in parts.iter().enumerate() {
                let part = number(bytes)?;
                whole = match (index, size) {
                    (0, _) => part,
                    (_, 0) => whole,
                    _ => crc_fast::checksum_combine(crc, whole, part, *size),
                };
            }
            Some(STANDARD.encode(algorithm.bytes(whole)))
        }
        ChecksumType::Composite => {
            let all = parts.iter().map(|(bytes, _)| bytes.as_slice()).collect::<Vec<_>>().concat();
            let mut sums = Checksums::new(&[algorithm]);
            sums.update(&all);
            let (_, sums) = sums.finish(&Digest::of(&all));
            Some(format!("{}-{}", STANDARD.encode(sums.get(&algorithm)?), parts.len()))
        }
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    let mut wide = [0; 8];
    wide.get_mut(8_usize.checked_sub(bytes.len())?..)?.copy_from_slice(bytes);
    Some(u64::from_be_bytes(wide))
}

/// Base64 by the algorithm's name.
pub(crate) fn texts(sums: &BTreeMap<Algorithm, Vec<u8>>) -> Metadata {
    sums.iter().map(|(algorithm, bytes)| (algorithm.name().to_owned(), STANDARD.encode(bytes))).collect()
}

/// MD5 and others of bytes that stream by.
pub(crate) struct Checksums {
    md5: Option<md5::Md5>,
    crc: Vec<(Algorithm, crc_fast::Digest)>,
    sha1: Option<sha1::Sha1>,
    /// Those that others give: of SHA-256 and MD5.
    asked: Vec<Algorithm>,
}

impl Checksums {
    pub fn new(algorithms: &[Algorithm]) -> Self {
        let crc = |algorithm: &Algorithm| Some((*algorithm, crc_fast::Digest::new(algorithm.crc()?)));
        Self {
            md5: Some(md5::Md5::new()),
            crc: algorithms.iter().filter_map(crc).collect(),
            sha1: algorithms.contains(&Algorithm::Sha1).then(sha1::Sha1::new),
            asked: algorithms.to_vec(),
        }
    }

    /// Nothing beside the SHA-256, which the store takes itself.
    pub fn none() -> Self {
        Self { md5: None, crc: Vec::new(), sha1: None, asked: Vec::new() }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        for (_, crc) in &mut self.crc {
            crc.update(bytes);
        }
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
    }

    /// The MD5, and the raw bytes of all that were asked for.
    pub fn finish(self, sha256: &Digest) -> (Option<[u8; 16]>, BTreeMap<Algorithm, Vec<u8>>) {
        let md5: Option<[u8; 16]> = self.md5.map(|md5| md5.finalize().into());
        let mut sums = BTreeMap::new();
        for (algorithm, crc) in self.crc {
            sums.insert(algorithm, algorithm.bytes(crc.finalize()));
        }
        if let Some(sha1) = self.sha1 {
            sums.insert(Algorithm::Sha1, sha1.finalize().to_vec());
        }
        if self.asked.contains(&Algorithm::Sha256) {
            sums.insert(Algorithm::Sha256, sha256.as_bytes().to_vec());
        }
        if let Some(md5) = md5
            && self.asked.contains(&Algorithm::Md5)
        {
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
        assert_eq!(md5.map(hex::encode).unwrap(), "25f9e794323b453885f5181f1b624d0b");
        assert_eq!(hex(Algorithm::Crc32), "cbf43926");
        assert_eq!(hex(Algorithm::Crc32c), "e3069283");
        assert_eq!(hex(Algorithm::Crc64Nvme), "ae8b14860a799888");
        assert_eq!(hex(Algorithm::Sha1), "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
        assert_eq!(hex(Algorithm::Sha256), Digest::of("123456789").hex());
        assert_eq!(sums.len(), 6);
    }

    fn sums(algorithm: Algorithm, pieces: &[&[u8]]) -> Vec<(Vec<u8>, u64)> {
        let sum = |piece: &&[u8]| {
            let mut sums = Checksums::new(&[algorithm]);
            sums.update(piece);
            (sums.finish(&Digest::of(piece)).1[&algorithm].clone(), piece.len() as u64)
        };
        pieces.iter().map(sum).collect()
    }

    #[test]
    fn the_crc_of_the_whole_follows_from_those_of_its_parts() {
        let whole: Vec<u8> = (0..100_003_u64).map(|n| (n * n % 251) as u8).collect();
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let all = STANDARD.encode(&sums(algorithm, &[&whole])[0].0);
            for cuts in [vec![], vec![0], vec![1], vec![65_536], vec![7, 7, 8, 100_003], vec![33_000, 66_000]]
            {
                let ends = cuts.iter().copied().chain([whole.len()]);
                let mut start = 0;
                let pieces: Vec<&[u8]> =
                    ends.map(|end| &whole[std::mem::replace(&mut start, end)..end]).collect();
                let parts = sums(algorithm, &pieces);
                assert_eq!(
                    join(algorithm, ChecksumType::FullObject, &parts).as_ref(),
                    Some(&all),
                    "{cuts:?}"
                );
            }
        }
        let check = sums(Algorithm::Crc64Nvme, &[b"1234", b"56789"]);
        let joined = join(Algorithm::Crc64Nvme, ChecksumType::FullObject, &check).unwrap();
        assert_eq!(joined, STANDARD.encode(hex::decode("ae8b14860a799888").unwrap()));
    }

    #[test]
    fn a_composite_checksum_is_that_of_the_checksums_and_tells_how_many() {
        let parts = sums(Algorithm::Sha256, &[b"a", b"b"]);
        let both = [Digest::of("a").as_bytes().as_slice(), Digest::of("b").as_bytes()].concat();
        let joined = join(Algorithm::Sha256, ChecksumType::Composite, &parts).unwrap();
        assert_eq!(joined, format!("{}-2", STANDARD.encode(Digest::of(&both).as_bytes())));
        assert_eq!(ChecksumType::of(&joined), ChecksumType::Composite);
        assert_eq!(join(Algorithm::Sha256, ChecksumType::FullObject, &parts), None);
        let parts = sums(Algorithm::Crc64Nvme, &[b"a"]);
        assert_eq!(join(Algorithm::Crc64Nvme, ChecksumType::Composite, &parts), None);
        let broken = [(vec![0; 9], 1)];
        assert_eq!(join(Algorithm::Crc64Nvme, ChecksumType::FullObject, &broken), None);
    }

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!("CRC64NVME".parse(), Ok(Algorithm::Crc64Nvme));
        assert_eq!("crc16".parse::<Algorithm>(), Err(()));
    }
}
