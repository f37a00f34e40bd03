/// Takes secrets out of a stream of bytes, wherever the stream is cut.
pub struct Mask {
    /// Longest first, so that one that holds another goes as a whole.
    secrets: Vec<Vec<u8>>,
    /// The end of what came, which may be the beginning of a secret.
    held: Vec<u8>,
}

/// What stands in the place of a secret.
const STARS: &[u8] = b"***";
/// Shorter texts stand everywhere.
const SHORTEST: usize = 3;

impl Mask {
    /// Of secrets with several lines, each line is one, too.
    pub fn new(secrets: &[String]) -> Self {
        let mut all: Vec<Vec<u8>> = secrets
            .iter()
            .flat_map(|secret| std::iter::once(secret.as_str()).chain(secret.lines()))
            .map(str::trim)
            .filter(|text| text.len() >= SHORTEST)
            .map(|text| text.as_bytes().to_vec())
            .collect();
        all.sort_by_key(|text| std::cmp::Reverse(text.len()));
        all.dedup();
        Self { secrets: all, held: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// What may be shown so far.
    pub fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(bytes);
        let mut shown = Vec::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            if let Some(secret) = self.secrets.iter().find(|secret| rest.starts_with(secret)) {
                // A longer one may still be coming.
                let longer = |other: &&Vec<u8>| other.len() > rest.len() && other.starts_with(rest);
                if self.secrets.iter().any(|other| longer(&other)) {
                    break;
                }
                shown.extend_from_slice(STARS);
                at += secret.len();
            } else if self.secrets.iter().any(|secret| secret.len() > rest.len() && secret.starts_with(rest))
            {
                break;
            } else {
                shown.push(text[at]);
                at += 1;
            }
        }
        self.held = text.split_off(at);
        shown
    }

    /// What was held back, once nothing more comes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut shown = Vec::new();
        let mut held = std::mem::take(&mut self.held);
        while !held.is_empty() {
            match self.secrets.iter().find(|secret| held.starts_with(secret)) {
                Some(secret) => {
                    shown.extend_from_slice(STARS);
                    held.drain(..secret.len());
                }
                None => {
                    shown.push(held[0]);
                    held.remove(0);
                }
            }
        }
        shown
    }

    /// A whole text.
    pub fn text(secrets: &[String], text: &str) -> String {
        let mut mask = Self::new(secrets);
        if mask.is_empty() {
            return text.to_owned();
        }
        let mut shown = mask.pass(text.as_bytes());
        shown.extend(mask.rest());
        String::from_utf8_lossy(&shown).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_wherever_the_stream_is_cut() {
        let secrets =
            ["s3cret-token".to_owned(), "s3cret-token-longer".to_owned(), "two\nlines here".to_owned()];
        let text =
            "a s3cret-token b s3cret-token-longer c s3cre s3cret-token\nlines here two\nlines here s3cret";
        let whole = Mask::text(&secrets, text);
        assert_eq!(whole, "a *** b *** c s3cre ***\n*** *** s3cret", "{whole}");
        for piece in 1..12 {
            let mut mask = Mask::new(&secrets);
            let mut shown: Vec<u8> = text.as_bytes().chunks(piece).flat_map(|part| mask.pass(part)).collect();
            shown.extend(mask.rest());
            assert_eq!(String::from_utf8(shown).unwrap(), whole, "in pieces of {piece}");
        }
    }

    #[test]
    fn nothing_is_held_back_that_cannot_become_a_secret() {
        let mut mask = Mask::new(&["password".to_owned(), "x".to_owned()]);
        assert_eq!(mask.pass(b"hello x\n"), b"hello x\n");
        assert_eq!(mask.pass(b"the pass"), b"the ");
        assert_eq!(mask.pass(b"ing"), b"passing");
        assert!(Mask::new(&["".to_owned()]).is_empty());
    }
}
