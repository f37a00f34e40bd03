//! How fast native models are, for `benches/serving/native.py`: `native_speed <format> <model file> <rows.f64> <width>
//! [<class>]` prints the median microseconds of one row and the rows a second of batches, as JSON.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a helper of a benchmark")]

use std::path::Path;
use std::time::{Duration, Instant};

use mlwright_runtimes::native::{Format, Source, load};
use mlwright_runtimes::{ColumnType, InputSchema, Tensor, TensorData};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let source = Source {
        format: match arguments[1].as_str() {
            "skops" => Format::Skops,
            "xgboost" => Format::XgBoost,
            "lightgbm" => Format::LightGbm,
            _ => Format::CatBoost,
        },
        path: String::new(),
        class: arguments.get(5).cloned(),
        method: "predict".into(),
    };
    let width: usize = arguments[4].parse().unwrap();
    let bytes = types::io::read(Path::new(&arguments[2])).unwrap();
    let values: Vec<f32> = types::io::read(Path::new(&arguments[3]))
        .unwrap()
        .chunks_exact(8)
        .map(|b| f64::from_le_bytes(b.try_into().unwrap()) as f32)
        .collect();
    let rows = values.len() / width;
    let start = Instant::now();
    let (model, _) = load(&source, &bytes, &InputSchema::Unnamed(vec![ColumnType::Float; width])).unwrap();
    let loaded = start.elapsed();
    let name = model.inputs()[0].name.clone();
    let tensor = |from: usize, count: usize| {
        let data = values[from * width..(from + count) * width].to_vec();
        Tensor::new(name.clone(), [count as i64, width as i64], TensorData::F32(data))
    };
    let singles: Vec<Tensor> = (0..rows.min(1000)).map(|row| tensor(row, 1)).collect();
    let mut times = Vec::with_capacity(20_000);
    for i in 0..20_000 {
        let input = std::slice::from_ref(&singles[i % singles.len()]);
        let start = Instant::now();
        std::hint::black_box(model.run(input, &[]).unwrap());
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let batch = tensor(0, rows);
    let (start, mut done) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(1) {
        std::hint::black_box(model.run(std::slice::from_ref(&batch), &[]).unwrap());
        done += rows;
    }
    let rate = done as f64 / start.elapsed().as_secs_f64();
    let us = |d: Duration| d.as_nanos() as f64 / 1e3;
    let answer = serde_json::json!({
        "load_ms": us(loaded) / 1e3, "p50_us": us(times[times.len() / 2]), "p99_us": us(times[times.len() * 99 / 100]),
        "rows_per_second": rate,
    });
    println!("{answer}");
}
