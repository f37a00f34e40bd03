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

const INFER: &str = r#"{"id":"1","inputs":[{"name":"X","shape":[1,8],"datatype":"FP32","data":[1,2,3,4,5,6,7,8]}],"outputs":[{"name":"label","parameters":{"binary_data":true}}]}"#;

const GENERATE: &str = r#"{"id":"g","X":[1,2,3,4,5,6,7,8]}"#;

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
            ("/v2/models/cancer/infer", json, INFER),
            ("/v2/models/cancer/generate", json, GENERATE),
        ];
        let mut refused = 0;
        for round in 0..600 {
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
            let length = random.next(200).to_string();
            let mut headers = vec![("content-type", content)];
            if path.starts_with("/v2") && random.next(3) == 0 {
                headers.push(("inference-header-content-length", &length));
            }
            let shown = String::from_utf8_lossy(&body).into_owned();
            let answer = house.post(path, &headers, body).await;
            assert!(answer.status.as_u16() < 500, "{} for {path} {headers:?} {shown}", answer.status);
            if !answer.status.is_success() {
                assert!(!answer.body.is_empty(), "no reason for {shown}");
                refused += 1;
            }
        }
        assert!(refused > 200, "{refused}");
        let good = house.post("/v2/models/cancer/generate", &[("content-type", json)], GENERATE).await;
        assert_eq!(good.status, 200, "and it still serves");
    }

    async fn sizes_that_lie_are_refused(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let input = |shape: &str, extra: &str| {
            format!(r#"{{"inputs":[{{"name":"X","shape":{shape},"datatype":"FP32",{extra}}}]}}"#)
        };
        let bodies = [
            input("[4611686018427387904,4]", r#""data":[]"#),
            input("[1099511627776,1099511627776]", r#""data":[1]"#),
            input("[-1,8]", r#""data":[1]"#),
            input("[1.5]", r#""data":[1]"#),
            input("[1,8]", r#""parameters":{"binary_data_size":9223372036854775807}"#),
            input("[1,8]", r#""parameters":{"binary_data_size":-5}"#),
            input("[1,8]", r#""parameters":{"shared_memory_region":"x"}"#),
            input("[1,8]", r#""parameters":{"shared_memory_region":"x"},"data":[1,2,3,4,5,6,7,8]"#),
            input("[0,8]", r#""data":[1]"#),
        ];
        for body in bodies {
            let answer = house.post("/v2/models/cancer/infer", &[], body.clone()).await;
            assert_eq!(answer.status, 400, "{body}: {}", String::from_utf8_lossy(&answer.body));
        }
        let large = vec![b' '; (64 << 20) + 1];
        assert_eq!(house.post("/v2/models/cancer/infer", &[], large).await.status, 413);
    }
}
