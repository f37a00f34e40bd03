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

const ROWS: &str = r#"{"instances":[[1,2,3,4,5,6,7,8]]}"#;
const COLUMNS: &str = r#"{"inputs":{"X":[[1,2,3,4,5,6,7,NaN]]}}"#;
const EXAMPLES: &str = r#"{"context":{"mean radius":1,"mean texture":2,"mean perimeter":3,"mean area":4},"examples":[{"mean smoothness":5,"mean compactness":[6],"mean concavity":7.5,"mean concave points":{"b64":"AA=="}}]}"#;

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
            ("/v1/models/cancer:predict", json, ROWS),
            ("/v1/models/cancer:predict", json, COLUMNS),
            ("/v1/models/cancer/versions/1:classify", json, EXAMPLES),
        ];
        let mut refused = 0;
        for round in 0..900 {
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
        assert!(refused > 200, "{refused}");
        let good = house.post("/v1/models/cancer:predict", &[("content-type", json)], ROWS).await;
        assert_eq!(good.status, 200, "and it still serves");
    }

    async fn what_the_model_does_not_have_is_named(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let eight = "[1,2,3,4,5,6,7,8]";
        for (body, why) in [
            (format!(r#"{{"instances":[{eight}],"signature_name":"images"}}"#), "images"),
            (format!(r#"{{"instances":[{eight}],"signature_name":7}}"#), "signature_name"),
            // Three rows of eight that differ in length, though they add up.
            ("{\"instances\":[[1,2,3,4,5,6,7,8],[1],[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]]}".into(), "length"),
        ] {
            let answer = house.post("/v1/models/cancer:predict", &[], body.clone()).await;
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(answer.status == 400 && text.contains(why), "{body}: {text}");
        }
        let named = format!(r#"{{"instances":[{eight}],"signature_name":"serving_default"}}"#);
        assert_eq!(house.post("/v1/models/cancer:predict", &[], named).await.status, 200);
    }
}
