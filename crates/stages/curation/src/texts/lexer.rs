//! Words of a date, as dateutil 2.9 splits them (`dateutil/parser/_parser.py::_timelex`).

#[derive(Clone, Copy, PartialEq)]
enum State {
    Start,
    Letters,
    Digits,
    LettersDot,
    DigitsDot,
}

pub(super) fn split(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().filter(|c| *c != '\0').collect();
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let mut token = String::new();
        let (mut state, mut letters) = (State::Start, false);
        while let Some(&c) = chars.get(at) {
            let (word, digit) = (c.is_alphabetic(), c.is_numeric());
            let last = token.chars().last();
            let next = match state {
                State::Start if word => Some(State::Letters),
                State::Start if digit => Some(State::Digits),
                State::Start => {
                    token.push(if c.is_whitespace() { ' ' } else { c });
                    at += 1;
                    break;
                }
                State::Letters => {
                    letters = true;
                    if word { Some(State::Letters) } else { (c == '.').then_some(State::LettersDot) }
                }
                State::Digits if digit => Some(State::Digits),
                State::Digits => {
                    (c == '.' || c == ',' && token.chars().count() >= 2).then_some(State::DigitsDot)
                }
                State::LettersDot => {
                    letters = true;
                    if c == '.' || word {
                        Some(State::LettersDot)
                    } else {
                        (digit && last == Some('.')).then_some(State::DigitsDot)
                    }
                }
                State::DigitsDot if c == '.' || digit => Some(State::DigitsDot),
                State::DigitsDot => (word && last == Some('.')).then_some(State::LettersDot),
            };
            let Some(next) = next else { break };
            token.push(c);
            state = next;
            at += 1;
        }
        let dots = token.matches('.').count();
        let dotted = matches!(state, State::LettersDot | State::DigitsDot);
        if dotted && (letters || dots > 1 || token.ends_with(['.', ','])) {
            let mut first = true;
            let mut rest = token.as_str();
            loop {
                let cut = rest.find(['.', ',']);
                let piece = &rest[..cut.unwrap_or(rest.len())];
                if first || !piece.is_empty() {
                    let shown = if first && state == State::DigitsDot && !piece.contains('.') {
                        piece.replace(',', ".")
                    } else {
                        piece.to_owned()
                    };
                    out.push(shown);
                }
                first = false;
                let Some(cut) = cut else { break };
                out.push(rest[cut..=cut].to_owned());
                rest = &rest[cut + 1..];
            }
            continue;
        }
        if state == State::DigitsDot && dots == 0 {
            token = token.replace(',', ".");
        }
        out.push(token);
    }
    out
}
