//! Where rows stand in the file that they came from. Asked for few rows, in messages: the file is scanned again.

use columns::{Format, Place};

/// The place of the `row`-th row (from 0) of a file that was read without error.
pub(crate) fn locate(file: &str, bytes: &[u8], row: usize) -> Place {
    locate_all(file, bytes, &[row]).pop().unwrap_or(Place::Row(row as u64 + 1))
}

/// The places of several rows, in ascending order, in one scan of the file.
pub(crate) fn locate_all(file: &str, bytes: &[u8], rows: &[usize]) -> Vec<Place> {
    let lines = match Format::of(file) {
        Ok(Format::Csv) => csv_lines(bytes, rows),
        Ok(Format::JsonLines) => jsonl_lines(bytes, rows),
        Ok(Format::Parquet) | Err(_) => Vec::new(),
    };
    let lines = lines.into_iter().map(Some).chain(std::iter::repeat(None));
    rows.iter().zip(lines).map(|(row, line)| line.map_or(Place::Row(*row as u64 + 1), Place::Line)).collect()
}

/// The lines on which the records after the header and so many records start, as far as there are any. A quoted value may span
/// lines; a blank line is no record, unless there is one column only, where it is a missing value.
fn csv_lines(bytes: &[u8], rows: &[usize]) -> Vec<u64> {
    let (mut line, mut record, mut quoted, mut blank, mut several) = (1, 0, false, true, false);
    let mut found = Vec::with_capacity(rows.len());
    let mut rest = bytes.iter().copied().peekable();
    while found.len() < rows.len()
        && let Some(byte) = rest.next()
    {
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
                let starts = !(several && rest.peek().is_some_and(|b| matches!(b, b'\n' | b'\r')));
                while starts && rows.get(found.len()).is_some_and(|row| record == row + 1) {
                    found.push(line);
                }
            }
            byte => {
                several |= record == 0 && byte == b',' && !quoted;
                blank &= byte.is_ascii_whitespace();
            }
        }
    }
    found
}

fn jsonl_lines(bytes: &[u8], rows: &[usize]) -> Vec<u64> {
    let mut found = Vec::with_capacity(rows.len());
    let lines = bytes.split(|&b| b == b'\n').enumerate();
    for (record, (line, _)) in lines.filter(|(_, text)| !text.trim_ascii().is_empty()).enumerate() {
        while rows.get(found.len()) == Some(&record) {
            found.push(line as u64 + 1);
        }
        if found.len() == rows.len() {
            break;
        }
    }
    found
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
        assert_eq!(locate_all("f.csv", csv, &[0, 1, 2]), [Place::Line(2), Place::Line(4), Place::Line(5)]);
        let gaps = b"a,b\n\n1,2\n\n\n3,4\n";
        assert_eq!((locate("f.csv", gaps, 0), locate("f.csv", gaps, 1)), (Place::Line(3), Place::Line(6)));
        assert_eq!(locate("f.csv", b"a\n1\n\n3\n", 2), Place::Line(4));
        let jsonl = b"{\"a\":1}\n\n{\"a\":2}\n";
        assert_eq!(locate("f.jsonl", jsonl, 1), Place::Line(3));
        assert_eq!(locate_all("f.jsonl", jsonl, &[0, 1, 7]), [Place::Line(1), Place::Line(3), Place::Row(8)]);
        assert_eq!(locate("f.parquet", b"PAR1", 1), Place::Row(2));
    }
}
