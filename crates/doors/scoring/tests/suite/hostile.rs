//! Bodies that nobody should send: each is answered with a client error and a text, and nothing panics.

use crate::house::{COMPONENTS, House};

/// xorshift: the same bodies in every run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }
}

const SPLIT: &str = r#"{"dataframe_split":{"columns":["mean radius","mean texture","mean perimeter","mean area","mean smoothness","mean compactness","mean concavity","mean concave points"],"index":[0],"data":[[1,2,3,4,5,6,7,8]]}}"#;
const RECORDS: &str = r#"{"dataframe_records":[{"mean radius":1,"mean texture":NaN}],"params":{}}"#;
const INPUTS: &str = r#"{"inputs":{"X":[[1,2,3,4,5,6,7,8]]}}"#;
const CSV: &str = "mean radius,mean texture\n1,2\n\"a,3\n";

/// Pieces that break parsers.
const PIECES: [&str; 16] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    ",",
    ":",
    "null",
    "-1",
    "9223372036854775808",
    "1e999",
    "NaN",
    "\u{0}",
    "é",
    "[[[[[[",
];

ledger::db_test! {
    components: COMPONENTS;

    async fn mutated_bodies_never_fail_the_server(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let mut random = Random(0x5eed);
        let json = "application/json";
        let seeds = [
            ("/invocations", json, SPLIT),
            ("/invocations", json, RECORDS),
            ("/invocations", json, INPUTS),
            ("/invocations", "text/csv", CSV),
            ("/invocations", "application/vnd.apache.parquet", "PAR1\u{0}\u{0}PAR1"),
        ];
        let mut refused = 0;
        for round in 0..1250 {
            let (path, content, seed) = seeds[round % seeds.len()];
            let mut body = seed.as_bytes().to_vec();
            for _ in 0..=random.next(3) {
                let at = random.next(body.len() + 1);
                match random.next(4) {
                    0 => body.truncate(at),
                    1 => {
                        let end = (at + random.next(9)).min(body.len());
                        body.drain(at.min(end)..end);
                    }
                    2 => {
                        let piece = PIECES[random.next(PIECES.len())].bytes();
                        body.splice(at..at, piece);
                    }
                    _ if !body.is_empty() => {
                        let at = at.min(body.len() - 1);
                        body[at] = u8::try_from(random.next(256)).unwrap();
                    }
                    _ => {}
                }
            }
            let headers = [("content-type", content)];
            let shown = String::from_utf8_lossy(&body).into_owned();
            let answer = house.post(path, &headers, body).await;
            assert!(answer.status.as_u16() < 500, "{} for {path} {headers:?} {shown}", answer.status);
            if !answer.status.is_success() {
                assert!(!answer.body.is_empty(), "no reason for {shown}");
                refused += 1;
            }
        }
        assert!(refused > 400, "{refused}");
        let good = house.post("/invocations", &[("content-type", json)], SPLIT).await;
        assert_eq!(good.status, 200, "and it still serves");
    }
}
