use types::Uid;

const FIRST: [&str; 32] = [
    "able", "brisk", "calm", "clever", "crisp", "eager", "early", "fair", "fleet", "fresh", "gentle", "glad",
    "grand", "hardy", "keen", "kind", "lively", "lucky", "mellow", "merry", "neat", "nimble", "polite",
    "proud", "quick", "quiet", "rapid", "sharp", "steady", "sunny", "swift", "wise",
];
const SECOND: [&str; 32] = [
    "ant", "auk", "bat", "bear", "bee", "crane", "crow", "deer", "dove", "eel", "elk", "finch", "fox",
    "frog", "goat", "gull", "hare", "hawk", "heron", "ibis", "jay", "lark", "lynx", "mole", "moth", "newt",
    "otter", "owl", "seal", "stoat", "swan", "wren",
];

/// A name for something that nobody named, such as `swift-otter-417`. The same id gives the same name.
pub fn friendly_name(uid: &Uid) -> String {
    let hash = types::Digest::of(uid.hex());
    let [a, b, c, d, ..] = *hash.as_bytes();
    let number = (usize::from(c) << 8 | usize::from(d)) % 1_000;
    format!("{}-{}-{number}", FIRST[usize::from(a) % FIRST.len()], SECOND[usize::from(b) % SECOND.len()])
}
