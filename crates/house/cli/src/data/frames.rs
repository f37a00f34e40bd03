//! Many objects in one body, as the server takes and gives them: the length of the path (4 bytes, big-endian), the path,
//! the length of the content (8 bytes, big-endian), the content; a path length of 0 at the end.

use crate::failure::Failure;

/// Adds an object.
pub fn push(body: &mut Vec<u8>, path: &str, content: &[u8]) {
    body.extend_from_slice(&u32::try_from(path.len()).unwrap_or(u32::MAX).to_be_bytes());
    body.extend_from_slice(path.as_bytes());
    body.extend_from_slice(&(content.len() as u64).to_be_bytes());
    body.extend_from_slice(content);
}

pub fn end(body: &mut Vec<u8>) {
    body.extend_from_slice(&[0; 4]);
}

/// Every path with its content. Errors if the body ends early.
pub fn read(mut body: &[u8]) -> Result<Vec<(&str, &[u8])>, Failure> {
    let cut = || {
        Failure::new("the server's answer ends early").hint("run the command again: it goes on from there")
    };
    let mut objects = Vec::new();
    loop {
        let (length, rest) = body.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = u32::from_be_bytes(*length) as usize;
        if length == 0 {
            return Ok(objects);
        }
        let (path, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
        let (size, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
        let size = usize::try_from(u64::from_be_bytes(*size)).map_err(|_| cut())?;
        let (content, rest) = rest.split_at_checked(size).ok_or_else(cut)?;
        let path = std::str::from_utf8(path)
            .map_err(|_| Failure::new("the server sent a path that is not UTF-8"))?;
        objects.push((path, content));
        body = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_is_read_and_a_cut_body_is_an_error() {
        let mut body = Vec::new();
        push(&mut body, "a/ü", b"one");
        push(&mut body, "b", b"");
        end(&mut body);
        assert_eq!(read(&body).unwrap(), [("a/ü", b"one".as_slice()), ("b", b"")]);
        for cut in 0..body.len() {
            assert!(read(&body[..cut]).is_err(), "{cut}");
        }
    }
}
