//! What checking a row costs: 45 numbers and 5 categories, one row a request and 256 rows a request.
//!
//!     cargo run --profile bench-fast -p mlwright-serving --example check_rows
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for people")]

use std::hint::black_box;
use std::time::Instant;

use columns::{Table, column};
use curation::rows::RowProfile;
use mlwright_serving::{Checker, Checks};
use runtimes::{Column, Frame, Values};

const ROWS: usize = 20_000;
const NUMBERS: usize = 45;
const CATEGORIES: usize = 5;

/// Numbers that look random, from 0 to 1.
fn noise(i: usize) -> f64 {
    let mut x = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x >> 11) as f64 / (1_u64 << 53) as f64
}

fn number(row: usize, column: usize) -> f64 {
    noise(row * 64 + column) + noise(row * 64 + column / 3)
}

fn text(row: usize, column: usize) -> String {
    format!("kind {}", (noise(row * 64 + column) * 20.0) as u32)
}

fn main() {
    let names: Vec<String> = (0..NUMBERS + CATEGORIES).map(|c| format!("column_{c}")).collect();
    let columns = names.iter().enumerate().map(|(c, name)| {
        let array = match c < NUMBERS {
            true => column::floats((0..ROWS).map(|row| Some(number(row, c)))),
            false => column::strings((0..ROWS).map(|row| Some(text(row, c)))),
        };
        (name.clone(), array)
    });
    let start = Instant::now();
    let profile = RowProfile::of(&Table::new(columns.collect()).unwrap(), &names).unwrap();
    println!("learned from {ROWS} rows in {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    let checker = Checker::new("e", &Checks::default(), names.clone(), Some(&profile));
    for rows in [1, 256] {
        let of = |c: usize, name: &String| {
            let values = match c < NUMBERS {
                true => Values::Float((0..rows).map(|row| number(ROWS + row, c)).collect()),
                false => Values::Text((0..rows).map(|row| Some(text(ROWS + row, c))).collect()),
            };
            Column { name: name.as_str().into(), values }
        };
        let frame = Frame::new(names.iter().enumerate().map(|(c, name)| of(c, name)).collect()).unwrap();
        let mut times: Vec<f64> = (0..2_000)
            .map(|_| {
                let start = Instant::now();
                black_box(checker.look(black_box(&frame), &[]).unwrap());
                start.elapsed().as_secs_f64() * 1e6 / rows as f64
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{rows} rows a request: median {:.2} µs a row, 99 % {:.2} µs", times[1_000], times[1_980]);
    }
}
