use std::sync::Arc;

/// A span's place as it travels between programs: W3C Trace Context (<https://www.w3.org/TR/trace-context/>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// Never 0.
    pub trace: u128,
    /// Never 0.
    pub span: u64,
    /// Whether it is recorded.
    pub sampled: bool,
    /// `tracestate` as it came: other programs' affair, passed on.
    pub state: Option<Arc<str>>,
}

impl TraceContext {
    /// Reads the headers `traceparent` and `tracestate`; `None` for what the specification says to ignore.
    pub fn parse(parent: &str, state: Option<&str>) -> Option<Self> {
        let parent = parent.trim();
        if !parent.is_ascii() || parent.len() < 55 {
            return None;
        }
        let (version, rest) = (&parent[..2], &parent.as_bytes()[2..]);
        if !is_hexadecimal(version) || version == "ff" {
            return None;
        }
        // Later versions may append fields.
        let ends = parent.len() == 55 || (version != "00" && parent.as_bytes().get(55) == Some(&b'-'));
        if !ends || rest[0] != b'-' || rest[33] != b'-' || rest[50] != b'-' {
            return None;
        }
        let (trace, span, flags) = (&parent[3..35], &parent[36..52], &parent[53..55]);
        if ![trace, span, flags].into_iter().all(is_hexadecimal) {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
        let span = u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        let state = state.filter(|text| !text.is_empty() && text.len() <= MOST_STATE).map(Arc::from);
        Some(Self { trace, span, sampled: flags & 1 == 1, state })
    }

    /// The header `traceparent`.
    pub fn parent(&self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

/// Longer ones are not passed on; the specification asks for at least 512 characters.
const MOST_STATE: usize = 1024;

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_is_read_and_written() {
        let context = TraceContext::parse(GIVEN, Some("congo=t61rcWkgMzE")).unwrap();
        assert_eq!(context.trace, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!((context.span, context.sampled), (0x00f0_67aa_0ba9_02b7, true));
        assert_eq!(context.state.as_deref(), Some("congo=t61rcWkgMzE"));
        assert_eq!(context.parent(), GIVEN);
        let other = TraceContext::parse(&GIVEN.replace("-01", "-00"), None).unwrap();
        assert!(!other.sampled && other.state.is_none());
    }

    #[test]
    fn headers_of_later_versions_may_go_on_and_those_of_this_one_not() {
        assert!(TraceContext::parse(&GIVEN.replacen("00", "cc", 1), None).is_some());
        assert!(TraceContext::parse(&format!("{}-what", GIVEN.replacen("00", "01", 1)), None).is_some());
        assert!(TraceContext::parse(&format!("{GIVEN}-what"), None).is_none());
        assert!(TraceContext::parse(&format!("{}.what", GIVEN.replacen("00", "01", 1)), None).is_none());
    }

    #[test]
    fn what_the_specification_says_to_ignore_is_ignored() {
        for wrong in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-001",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-+1",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0é-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(wrong, None), None, "{wrong}");
        }
        let long = "a=".repeat(1000);
        assert_eq!(TraceContext::parse(GIVEN, Some(&long)).unwrap().state, None);
    }
}
