//! Lines of a container, asked of its cluster again and again from a second on, and each taken once.

use std::collections::HashMap;

use types::{Digest, Timestamp};

const SECOND: i64 = 1_000_000;

/// What was taken so far.
#[derive(Debug, Default)]
pub(super) struct Printed {
    /// Seconds since the epoch: lines before it do not come again.
    since: Option<i64>,
    newest: i64,
    /// Of each line that may come again: its second, and how often it was taken.
    seen: HashMap<Digest, (i64, u32)>,
}

impl Printed {
    /// From which moment, a whole second, lines are to be asked for.
    pub fn since(&self) -> Option<Timestamp> {
        self.since.map(|second| Timestamp(second * SECOND))
    }

    /// The lines that were not taken yet, without their times. The last one waits for its end unless no more comes
    /// (`is_last`).
    pub fn take(&mut self, bytes: &[u8], is_last: bool) -> Vec<u8> {
        let mut fresh = Vec::new();
        let mut counts: HashMap<Digest, u32> = HashMap::new();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (second, text) = parts(line);
            if !line.ends_with(b"\n") && !is_last {
                // Of a line that no answer holds, its second is what can be passed over.
                if fresh.is_empty() {
                    self.newest = self.newest.max(second.unwrap_or(0));
                }
                break;
            }
            let second = second.unwrap_or(self.newest);
            let digest = Digest::of(line);
            let count = counts.entry(digest).or_default();
            *count += 1;
            let taken = self.seen.entry(digest).or_insert((second, 0));
            if *count <= taken.1 {
                continue;
            }
            *taken = (second, *count);
            fresh.extend_from_slice(text);
            self.newest = self.newest.max(second);
        }
        // Both streams of a container are stamped before they are put in line, so that one may be a little late.
        self.go_on(self.newest - 1);
        fresh
    }

    /// Leaves the rest of the newest second: an answer of the most that is asked for held nothing that was not taken.
    pub fn pass_over(&mut self) -> &'static [u8] {
        self.newest += 1;
        self.go_on(self.newest);
        b"[mlwright] more was printed in a second than can be read; some of it is missing here\n"
    }

    fn go_on(&mut self, since: i64) {
        if self.newest > 0 {
            self.since = Some(since.max(self.since.unwrap_or(0)));
        }
        let from = self.since.unwrap_or(0);
        self.seen.retain(|_, (second, _)| *second >= from);
    }
}

/// The second of a line, and the line without its time.
fn parts(line: &[u8]) -> (Option<i64>, &[u8]) {
    let end = line.iter().position(|byte| *byte == b' ');
    let found = end.and_then(|end| {
        let at = Timestamp::parse_rfc3339(std::str::from_utf8(&line[..end]).ok()?)?;
        Some((at.0.div_euclid(SECOND), &line[end + 1..]))
    });
    found.map_or((None, line), |(second, text)| (Some(second), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(printed: &mut Printed, text: &str, is_last: bool) -> String {
        String::from_utf8(printed.take(text.as_bytes(), is_last)).unwrap()
    }

    #[test]
    fn a_line_that_comes_again_is_taken_once() {
        let mut printed = Printed::default();
        assert_eq!(printed.since(), None);
        let one = "2026-03-01T10:00:05.100000001Z a\n2026-03-01T10:00:05.200Z b\n";
        assert_eq!(take(&mut printed, one, false), "a\nb\n");
        assert_eq!(printed.since().unwrap().rfc3339(), "2026-03-01T10:00:04Z");
        let two =
            format!("{one}2026-03-01T10:00:05.200Z b\n2026-03-01T10:00:05.3Z b\n2026-03-01T10:00:07Z c");
        assert_eq!(
            take(&mut printed, &two, false),
            "b\nb\n",
            "the same line twice at the same time is two lines"
        );
        assert_eq!(take(&mut printed, &format!("{two} d\n"), false), "c d\n", "a line is taken whole");
        assert_eq!(printed.since().unwrap().rfc3339(), "2026-03-01T10:00:06Z");
        let late = "2026-03-01T12:00:06.9+02:00 late\n2026-03-01T10:00:07Z c d\n2026-03-01T10:00:08Z rest";
        assert_eq!(
            take(&mut printed, late, true),
            "late\nrest",
            "the times may have an offset, and come out of order"
        );
    }

    #[test]
    fn a_second_with_more_than_an_answer_holds_is_passed_over() {
        let mut printed = Printed::default();
        let text = "2026-03-01T10:00:05Z a\n2026-03-01T10:00:05Z b\n";
        assert_eq!(take(&mut printed, text, false), "a\nb\n");
        assert_eq!(take(&mut printed, text, false), "");
        let told = std::str::from_utf8(printed.pass_over()).unwrap();
        assert!(told.contains("some of it is missing"), "{told}");
        assert_eq!(printed.since().unwrap().rfc3339(), "2026-03-01T10:00:06Z");
        assert_eq!(take(&mut printed, "2026-03-01T10:00:06Z c\n", false), "c\n");
        let mut printed = Printed::default();
        assert_eq!(take(&mut printed, "2026-03-01T10:00:05Z without an end", false), "");
        printed.pass_over();
        assert_eq!(printed.since().unwrap().rfc3339(), "2026-03-01T10:00:06Z");
    }

    #[test]
    fn what_has_no_time_is_taken_as_it_is() {
        let mut printed = Printed::default();
        assert_eq!(take(&mut printed, "unstamped\n", false), "unstamped\n");
        assert_eq!(printed.since(), None);
    }
}
