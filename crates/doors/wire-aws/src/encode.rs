//! Percent-encoding by AWS's rule: letters, digits and `-._~` stay, everything else becomes `%XX` in upper case.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

const HEX: &[u8; 16] = b"0123456789ABCDEF";

fn push(text: &mut String, byte: u8) {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
        text.push(char::from(byte));
    } else {
        text.push('%');
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
    }
}

/// Also slashes are encoded.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let mut text = String::with_capacity(bytes.len() + 16);
    bytes.iter().for_each(|byte| push(&mut text, *byte));
    text
}

/// Slashes stay.
pub fn encode_path(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let mut text = String::with_capacity(bytes.len() + 16);
    for byte in bytes {
        if *byte == b'/' { text.push('/') } else { push(&mut text, *byte) }
    }
    text
}

/// `None` if a `%` is not followed by two hexadecimal digits. A `+` stays one.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        let digit = |d: u8| char::from(d).to_digit(16);
        bytes.push((digit(digits[0])? << 4 | digit(digits[1])?) as u8);
        rest = tail;
    }
    Some(bytes)
}

/// The same path with every character in its one canonical form; an encoded slash stays encoded.
pub(crate) fn canonical_path(path: &str) -> Option<String> {
    let parts: Option<Vec<String>> = path.split('/').map(|part| decode(part).map(encode)).collect();
    parts.map(|parts| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        for text in ["", "a/b c+d", "ü/%/~._-", "\u{1f4a9}", "a=b&c"] {
            assert_eq!(decode(&encode(text)).unwrap(), text.as_bytes());
            assert_eq!(decode(&encode_path(text)).unwrap(), text.as_bytes());
        }
        assert_eq!(encode("a/b +~"), "a%2Fb%20%2B~");
        assert_eq!(encode_path("a/ü"), "a/%C3%BC");
        for bad in ["%", "%1", "%zz", "a%G0"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn paths_have_one_form_and_keep_encoded_slashes() {
        assert_eq!(canonical_path("/a%2fb/c+d/(e)/%7Ef/").unwrap(), "/a%2Fb/c%2Bd/%28e%29/~f/");
    }
}
