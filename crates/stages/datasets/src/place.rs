//! Where a row stands in the file that it came from. Asked for single rows, in messages: the file is scanned again.

use columns::{Format, Place};

/// The place of the `row`-th row (from 0) of a file that was read without error.
pub(crate) fn locate(file: &str, bytes: &[u8], row: usize) -> Place {
    let line = match Format::of(file) {
        Ok(Format::Csv) => csv_line(bytes, row),
        Ok(Format::JsonLines) => jsonl_line(bytes, row),
        Ok(Format::Parquet) | Err(_) => None,
    };
    line.map_or(Place::Row(row as u64 + 1), Place::Line)
}

/// The line on which the record after the header and `row` records starts. A quoted value may span lines; a blank line is
/// no record, unless there is one column only, where it is a missing value.
fn csv_line(bytes: &[u8], row: usize) -> Option<u64> {
    let (mut line, mut record, mut quoted, mut blank, mut several) = (1, 0, false, true, false);
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => (quoted, blank) = (!quoted, false),
            b'\n' if quoted => line += 1,
            b'\n' | b'\r' if !quoted => {
                if byte == b'\r' {
                    rest.next_if_eq(&b'\n');
                }
                line += 1;
                record += usize::from(!blank || !several);
                blank = true;
                if record == row + 1 && !(several && rest.peek().is_some_and(|b| matches!(b, b'\n' | b'\r')))
                {
                    return Some(line);
                }
            }
            byte => {
                several |= record == 0 && byte == b',' && !quoted;
                blank &= byte.is_ascii_whitespace();
            }
        }
    }
    None
}

fn jsonl_line(bytes: &[u8], row: usize) -> Option<u64> {
    let lines = bytes.split(|&b| b == b'\n').enumerate();
    lines.filter(|(_, text)| !text.trim_ascii().is_empty()).nth(row).map(|(i, _)| i as u64 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_past_quotes_line_ends_and_blank_lines() {
        let csv = b"a,b\r\n1,\"two\nlines, \"\"x\"\"\"\r\n2,y\n3,z";
        for (row, line) in [(0, 2), (1, 4), (2, 5)] {
            assert_eq!(locate("f.csv", csv, row), Place::Line(line));
        }
        let gaps = b"a,b\n\n1,2\n\n\n3,4\n";
        assert_eq!((locate("f.csv", gaps, 0), locate("f.csv", gaps, 1)), (Place::Line(3), Place::Line(6)));
        assert_eq!(locate("f.csv", b"a\n1\n\n3\n", 2), Place::Line(4));
        let jsonl = b"{\"a\":1}\n\n{\"a\":2}\n";
        assert_eq!(locate("f.jsonl", jsonl, 1), Place::Line(3));
        assert_eq!(locate("f.parquet", b"PAR1", 1), Place::Row(2));
    }
}
