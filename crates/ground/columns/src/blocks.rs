//! Cuts a stream of text into blocks of whole records, so that a file of any size is read in bounded memory.

use bytes::Bytes;
use futures::StreamExt as _;

use crate::csv::utf8;
use crate::source::breathe;
use crate::{Chunks, Error};

/// Bytes that a block has at least, unless the file ends.
const BLOCK: usize = 512 << 10;
/// Longest record.
const LONGEST: usize = 32 << 20;
const BOM: &[u8] = b"\xef\xbb\xbf";

pub(crate) struct Blocks {
    file: String,
    chunks: Chunks,
    /// Line ends inside quotes end no record.
    quotes: bool,
    pending: Vec<u8>,
    /// Up to here `pending` was looked at.
    seen: usize,
    in_quotes: bool,
    /// The end of the last whole record in `pending`.
    cut: usize,
    line: u64,
    started: bool,
    ended: bool,
}

/// Whole records of a file.
pub(crate) struct Block {
    bytes: Vec<u8>,
    /// Of the file, from 1.
    pub line: u64,
}

impl Block {
    /// Errors: `BadUtf8`.
    pub fn text<'a>(&'a self, file: &str) -> Result<&'a str, Error> {
        utf8(file, &self.bytes).map_err(|error| match error {
            Error::BadUtf8 { file, line, byte, before } => {
                Error::BadUtf8 { file, line: line + self.line - 1, byte, before }
            }
            other => other,
        })
    }
}

impl Blocks {
    pub fn new(file: &str, chunks: Chunks, quotes: bool) -> Self {
        Self {
            file: file.to_owned(),
            chunks,
            quotes,
            pending: Vec::new(),
            seen: 0,
            in_quotes: false,
            cut: 0,
            line: 1,
            started: false,
            ended: false,
        }
    }

    /// The next block; only the last one may end without a line end. Errors: `LongRecord`, and the stream's.
    pub async fn next(&mut self) -> Result<Option<Block>, Error> {
        breathe().await;
        while self.cut < BLOCK && !self.ended {
            match self.chunks.next().await.transpose()? {
                Some(chunk) => self.take(&chunk),
                None => self.ended = true,
            }
            if self.pending.len() - self.cut > LONGEST {
                if self.in_quotes && self.cut == 0 {
                    // Perhaps a stray quote: the parser says which.
                    self.cut = self.pending.len();
                    break;
                }
                if self.cut == 0 {
                    let (file, line) = (self.file.clone(), self.line);
                    return Err(Error::LongRecord { file, line, limit: LONGEST });
                }
                break;
            }
        }
        if self.ended {
            self.cut = self.pending.len();
        }
        if self.cut == 0 {
            return Ok(None);
        }
        let rest = self.pending.split_off(self.cut);
        let bytes = std::mem::replace(&mut self.pending, rest);
        let block = Block { line: self.line, bytes };
        self.line += block.bytes.iter().filter(|&&b| b == b'\n').count() as u64;
        self.seen -= self.cut.min(self.seen);
        self.cut = 0;
        Ok(Some(block))
    }

    fn take(&mut self, chunk: &Bytes) {
        self.pending.extend_from_slice(chunk);
        if !self.started && (self.pending.len() >= BOM.len() || !BOM.starts_with(&self.pending)) {
            self.started = true;
            if self.pending.starts_with(BOM) {
                self.pending.drain(..BOM.len());
            }
        }
        if !self.started {
            return;
        }
        let (mut quotes, mut cut) = (self.in_quotes, self.cut);
        for (at, byte) in self.pending.iter().enumerate().skip(self.seen) {
            match byte {
                b'"' if self.quotes => quotes = !quotes,
                b'\n' if !quotes => cut = at + 1,
                _ => {}
            }
        }
        (self.in_quotes, self.cut) = (quotes, cut);
        self.seen = self.pending.len();
    }
}
