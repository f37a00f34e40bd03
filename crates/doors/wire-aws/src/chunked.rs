//! The aws-chunked encoding: chunks that say their size and perhaps their signature, then perhaps a trailer.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>

use bytes::{Buf as _, Bytes};
use types::Hasher;

use crate::Error;
use crate::v4::ChunkSigner;

/// Bytes of the longest line that may stand between the content.
const LONGEST_LINE: usize = 4 << 10;
/// Lines of the longest trailer.
const MOST_TRAILERS: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the line that says a chunk's size.
    Head,
    Content {
        left: u64,
    },
    /// Before the line break that ends a chunk.
    End,
    Trailer,
    Done,
}

/// Takes a body apart as it arrives, keeping nothing but unfinished lines.
pub(crate) struct Decoder {
    state: State,
    line: Vec<u8>,
    signer: Option<ChunkSigner>,
    /// What the chunk that is being read says about itself.
    signature: String,
    content: Option<Hasher>,
    number: u64,
    total: u64,
    announced: u64,
    trailers: Vec<(String, String)>,
    trailer_is_signed: bool,
}

impl Decoder {
    /// `announced` is the size of the content in bytes; with a `signer`, every chunk and the trailer must be signed.
    pub fn new(announced: u64, signer: Option<ChunkSigner>) -> Self {
        Self {
            state: State::Head,
            line: Vec::new(),
            content: signer.is_some().then(Hasher::new),
            signer,
            signature: String::new(),
            number: 0,
            total: 0,
            announced,
            trailers: Vec::new(),
            trailer_is_signed: false,
        }
    }

    /// Appends the content in `input` to `out`, without copying it.
    pub fn push(&mut self, mut input: Bytes, out: &mut Vec<Bytes>) -> Result<(), Error> {
        while !input.is_empty() {
            match self.state {
                State::Content { left } => {
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    let piece = input.split_to(take);
                    if let Some(content) = &mut self.content {
                        content.update(&piece);
                    }
                    self.total += take as u64;
                    self.check_length(self.total)?;
                    let left = left - take as u64;
                    self.state = State::Content { left };
                    out.push(piece);
                    if left == 0 {
                        self.end_chunk()?;
                        self.state = State::End;
                    }
                }
                State::Done => return Err(Error::BadChunk("more follows after its end")),
                State::Head | State::End | State::Trailer => {
                    if let Some(line) = self.take_line(&mut input)? {
                        self.read_line(&line)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The body is over; its trailer, with names in lower case.
    ///
    /// Errors: `Cut` if it ended in the middle, `Length` if there was less than announced.
    pub fn finish(mut self) -> Result<Vec<(String, String)>, Error> {
        if self.state == State::Trailer && self.line.is_empty() {
            // The last empty line is missing: nothing of the content is.
            self.end_trailer()?;
            self.state = State::Done;
        }
        if self.state != State::Done {
            return Err(Error::Cut(format!("within chunk {}", self.number)));
        }
        if self.total != self.announced {
            return Err(Error::Length { announced: self.announced, found: self.total });
        }
        Ok(self.trailers)
    }

    fn check_length(&self, found: u64) -> Result<(), Error> {
        if found > self.announced {
            return Err(Error::Length { announced: self.announced, found });
        }
        Ok(())
    }

    /// A whole line without its break, if it has arrived.
    fn take_line(&mut self, input: &mut Bytes) -> Result<Option<String>, Error> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let take = end.unwrap_or(input.len());
        if self.line.len() + take > LONGEST_LINE {
            return Err(Error::BadChunk("a line is too long"));
        }
        self.line.extend_from_slice(&input[..take]);
        input.advance(end.map_or(take, |end| end + 1));
        if end.is_none() {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        let line = std::mem::take(&mut self.line);
        String::from_utf8(line).map(Some).map_err(|_| Error::BadChunk("a line is not text"))
    }

    fn read_line(&mut self, line: &str) -> Result<(), Error> {
        match self.state {
            State::Head => self.begin_chunk(line),
            State::End if line.is_empty() => {
                self.state = State::Head;
                Ok(())
            }
            State::End => Err(Error::BadChunk("a chunk is longer than it says")),
            _ => self.read_trailer(line),
        }
    }

    fn begin_chunk(&mut self, line: &str) -> Result<(), Error> {
        let mut fields = line.split(';');
        let size = fields.next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| Error::BadChunk("a chunk has no size"))?;
        let signature = fields.find_map(|field| field.trim().strip_prefix("chunk-signature="));
        self.signature = signature.unwrap_or_default().trim().to_owned();
        self.number += 1;
        self.check_length(self.total.saturating_add(size))?;
        if size == 0 {
            self.end_chunk()?;
            self.state = State::Trailer;
        } else {
            self.state = State::Content { left: size };
        }
        Ok(())
    }

    fn end_chunk(&mut self) -> Result<(), Error> {
        let Some(signer) = &mut self.signer else { return Ok(()) };
        let content = self.content.replace(Hasher::new()).map(Hasher::finish);
        match content {
            Some(content) if signer.is_chunk(&content, &self.signature) => Ok(()),
            _ => Err(Error::ChunkSignature { number: self.number }),
        }
    }

    fn read_trailer(&mut self, line: &str) -> Result<(), Error> {
        if line.trim().is_empty() {
            // Some clients put an empty line before the signature.
            let waits = self.signer.is_some() && !self.trailers.is_empty() && !self.trailer_is_signed;
            if !waits {
                self.end_trailer()?;
                self.state = State::Done;
            }
            return Ok(());
        }
        let (name, value) =
            line.split_once(':').ok_or_else(|| Error::BadTrailer("a line is not `name:value`".into()))?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        if name == "x-amz-trailer-signature" {
            let mut signed = Hasher::new();
            for (name, value) in &self.trailers {
                signed.update(format!("{name}:{value}\n"));
            }
            let right = |signer: &mut ChunkSigner| signer.is_trailer(&signed.finish(), &value);
            if !self.signer.as_mut().is_none_or(right) {
                return Err(Error::TrailerSignature);
            }
            self.trailer_is_signed = true;
            return Ok(());
        }
        if self.trailers.len() == MOST_TRAILERS || self.trailer_is_signed {
            return Err(Error::BadTrailer("it has too many lines".into()));
        }
        self.trailers.push((name, value));
        Ok(())
    }

    fn end_trailer(&self) -> Result<(), Error> {
        if self.signer.is_some() && !self.trailers.is_empty() && !self.trailer_is_signed {
            return Err(Error::TrailerSignature);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Decoded = (Vec<u8>, Vec<(String, String)>);

    fn decode(body: &[u8], announced: u64, step: usize) -> Result<Decoded, Error> {
        let (mut decoder, mut out) = (Decoder::new(announced, None), Vec::new());
        for piece in body.chunks(step) {
            decoder.push(Bytes::copy_from_slice(piece), &mut out)?;
        }
        Ok((out.concat(), decoder.finish()?))
    }

    #[test]
    fn a_body_decodes_however_it_is_cut() {
        let body = b"5\r\nhello\r\n6\r\n world\r\n0\r\nX-Amz-Checksum-CRC32: DUoRhQ==\r\n\r\n";
        for step in 1..=body.len() {
            let (content, trailers) = decode(body, 11, step).unwrap();
            assert_eq!(content, b"hello world", "{step}");
            assert_eq!(trailers, [("x-amz-checksum-crc32".to_owned(), "DUoRhQ==".to_owned())]);
        }
    }

    #[test]
    fn an_empty_body_is_one_empty_chunk() {
        for body in [&b"0\r\n\r\n"[..], b"0\r\n", b"0;chunk-signature=abc\r\n\r\n"] {
            assert_eq!(decode(body, 0, 3).unwrap(), (Vec::new(), Vec::new()));
        }
    }

    #[test]
    fn broken_bodies_are_refused() {
        let cases: [(&[u8], u64, Error); 8] = [
            (b"5\r\nhello\r\n", 5, Error::Cut("within chunk 1".into())),
            (b"5\r\nhel", 5, Error::Cut("within chunk 1".into())),
            (b"5\r\nhello\r\n0\r\n\r\n", 6, Error::Length { announced: 6, found: 5 }),
            (b"5\r\nhello\r\n0\r\n\r\n", 4, Error::Length { announced: 4, found: 5 }),
            (b"5\r\nhello!\r\n0\r\n\r\n", 5, Error::BadChunk("a chunk is longer than it says")),
            (b"hello", 5, Error::Cut("within chunk 0".into())),
            (b"xyz\r\n", 5, Error::BadChunk("a chunk has no size")),
            (b"0\r\n\r\nmore", 0, Error::BadChunk("more follows after its end")),
        ];
        for (body, announced, expected) in cases {
            assert_eq!(
                decode(body, announced, 4).unwrap_err(),
                expected,
                "{}",
                String::from_utf8_lossy(body)
            );
        }
        let long = [b'1'; LONGEST_LINE + 1];
        assert_eq!(decode(&long, 5, 100).unwrap_err(), Error::BadChunk("a line is too long"));
        let huge = b"ffffffffffffffff\r\n";
        assert!(matches!(decode(huge, 5, 100).unwrap_err(), Error::Length { .. }));
    }
}
