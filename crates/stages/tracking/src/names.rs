use types::Uid;

/// Words that MLflow also draws from: its clients expect a run's name to begin with one.
const FIRST: [&str; 48] = [
    "able",
    "adaptable",
    "agreeable",
    "ambitious",
    "amazing",
    "awesome",
    "bold",
    "bouncy",
    "bright",
    "calm",
    "capable",
    "carefree",
    "charming",
    "clean",
    "colorful",
    "dapper",
    "dashing",
    "dazzling",
    "efficient",
    "fearless",
    "flawless",
    "fun",
    "gentle",
    "gifted",
    "likeable",
    "luminous",
    "marvelous",
    "melodic",
    "nimble",
    "orderly",
    "peaceful",
    "placid",
    "polite",
    "popular",
    "powerful",
    "rare",
    "resilient",
    "skillful",
    "sincere",
    "smiling",
    "spiffy",
    "stately",
    "stylish",
    "unique",
    "upbeat",
    "useful",
    "valuable",
    "wise",
];
const SECOND: [&str; 48] = [
    "ant", "auk", "bat", "bear", "bee", "bird", "cat", "colt", "crab", "crane", "crow", "deer", "dove",
    "duck", "eel", "elk", "fawn", "finch", "fox", "frog", "gnu", "goat", "goose", "gull", "hare", "hawk",
    "jay", "koi", "lark", "loon", "lynx", "mole", "moose", "moth", "newt", "owl", "quail", "robin", "seal",
    "sloth", "snipe", "stoat", "stork", "swan", "tern", "trout", "whale", "wren",
];

/// A name for something that nobody named, such as `nimble-owl-417`, of at most 20 characters. The same id gives the same
/// name.
pub fn friendly_name(uid: &Uid) -> String {
    let hash = types::Digest::of(uid.hex());
    let [a, b, c, d, ..] = *hash.as_bytes();
    let number = (usize::from(c) << 8 | usize::from(d)) % 1_000;
    format!("{}-{}-{number}", FIRST[usize::from(a) % FIRST.len()], SECOND[usize::from(b) % SECOND.len()])
}
