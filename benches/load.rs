//! A load generator with nothing but the standard library: closed loop, one connection a client.
//!
//!     rustc --edition 2024 -O -o load load.rs
//!     load <host:port> batch <clients> <seconds> <keys> <steps>    log-batch of keys × steps points, a run a client
//!     load <host:port> single <clients> <seconds>                  log-metric, a run a client
//!     load <host:port> get <clients> <seconds> <most> <path>       the same GET again and again, at most <most> times
//!     load <host:port> gets <clients> <seconds> <file>             GETs of the paths in a file, one a line
//!     load <host:port> fill <run id> <points> <key>                one series, in batches of 1,000
//!
//! Prints one line of JSON: requests, points, errors, seconds, rate and the times of answers in milliseconds.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const API: &str = "/api/2.0/mlflow";
/// The time of the first point, milliseconds.
const START: u64 = 1_790_000_000_000;

struct Client {
    host: String,
    stream: BufReader<TcpStream>,
}

impl Client {
    fn new(host: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(300)))?;
        Ok(Self { host: host.to_owned(), stream: BufReader::with_capacity(1 << 16, stream) })
    }

    /// The status and the body's length; the body itself goes to `into`.
    fn ask(&mut self, method: &str, path: &str, body: &str, into: &mut Vec<u8>) -> io::Result<(u16, usize)> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        let mut message = Vec::with_capacity(head.len() + body.len());
        message.extend_from_slice(head.as_bytes());
        message.extend_from_slice(body.as_bytes());
        self.stream.get_mut().write_all(&message)?;
        into.clear();
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{what}: {line:?}"));
        let status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| bad("no status"))?;
        let (mut length, mut chunked, mut close) = (None, false, false);
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            match (name.to_ascii_lowercase().as_str(), value.trim()) {
                ("content-length", value) => length = value.parse::<usize>().ok(),
                ("transfer-encoding", value) => chunked = value.eq_ignore_ascii_case("chunked"),
                ("connection", value) => close = value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        let mut total = 0;
        let mut sink = vec![0; 1 << 16];
        let mut copy = |stream: &mut BufReader<TcpStream>, mut left: usize, into: &mut Vec<u8>| -> io::Result<()> {
            while left > 0 {
                let part = left.min(sink.len());
                stream.read_exact(&mut sink[..part])?;
                if into.len() < 1 << 20 {
                    into.extend_from_slice(&sink[..part]);
                }
                left -= part;
                total += part;
            }
            Ok(())
        };
        if chunked {
            loop {
                let mut size = String::new();
                self.stream.read_line(&mut size)?;
                let size = usize::from_str_radix(size.trim(), 16).map_err(|_| bad("no size of a chunk"))?;
                copy(&mut self.stream, size, into)?;
                let mut end = String::new();
                self.stream.read_line(&mut end)?;
                if size == 0 {
                    break;
                }
            }
        } else {
            copy(&mut self.stream, length.unwrap_or(0), into)?;
        }
        if close {
            *self = Self::new(&self.host)?;
        }
        Ok((status, total))
    }

    fn new_run(&mut self) -> io::Result<String> {
        let mut answer = Vec::new();
        let body = "{\"experiment_id\":\"0\",\"start_time\":1}";
        self.ask("POST", &format!("{API}/runs/create"), body, &mut answer)?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let after = text.split("\"run_id\"").nth(1).and_then(|t| t.split('"').nth(1)).map(str::to_owned);
        after.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("no run in {text}")))
    }
}

/// A value as training code logs it: all 53 bits of it mean something.
fn value(seed: u64) -> f64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 31;
    1.0 / (1.0 + seed as f64 / 1000.0) + (x >> 11) as f64 / (1_u64 << 53) as f64 / 10.0
}

fn batch(run: &str, keys: u64, steps: u64, first: u64, body: &mut String) {
    body.clear();
    let _ = write!(body, "{{\"run_id\":\"{run}\",\"metrics\":[");
    for step in first..first + steps {
        for key in 0..keys {
            let comma = if step == first && key == 0 { "" } else { "," };
            let at = START + step * 211 + step % 7;
            let value = value(step * 1_009 + key);
            let _ = write!(
                body,
                "{comma}{{\"key\":\"metric_{key}\",\"value\":{value},\"timestamp\":{at},\"step\":{step}}}"
            );
        }
    }
    body.push_str("]}");
}

#[derive(Default)]
struct Count {
    requests: u64,
    points: u64,
    errors: u64,
    bytes: u64,
    times: Vec<f64>,
    first_error: Option<String>,
}

impl Count {
    fn add(&mut self, status: u16, size: usize, points: u64, started: Instant, answer: &[u8]) {
        self.requests += 1;
        self.bytes += size as u64;
        self.times.push(started.elapsed().as_secs_f64() * 1e3);
        if status == 200 {
            self.points += points;
        } else {
            self.errors += 1;
            let text = || format!("{status} {}", String::from_utf8_lossy(&answer[..answer.len().min(300)]));
            self.first_error.get_or_insert_with(text);
        }
    }
}

/// Asks, and counts the answer. A connection that breaks is an error and is made again.
fn ask(client: &mut Client, count: &mut Count, method: &str, path: &str, body: &str, points: u64) -> io::Result<()> {
    let mut answer = Vec::new();
    let started = Instant::now();
    match client.ask(method, path, body, &mut answer) {
        Ok((status, size)) => count.add(status, size, points, started, &answer),
        Err(error) => {
            count.add(0, 0, points, started, error.to_string().as_bytes());
            *client = Client::new(&client.host)?;
        }
    }
    Ok(())
}

fn client(host: &str, args: &[String], until: Instant, left: &AtomicU64) -> io::Result<Count> {
    let mut client = Client::new(host)?;
    let (mut count, mut body) = (Count::default(), String::new());
    let number = |place: usize| args.get(place).and_then(|a| a.parse().ok()).unwrap_or(1_u64);
    match args[0].as_str() {
        "batch" => {
            let run = client.new_run()?;
            let (keys, steps, mut step) = (number(3), number(4), 0);
            while Instant::now() < until {
                batch(&run, keys, steps, step, &mut body);
                step += steps;
                ask(&mut client, &mut count, "POST", &format!("{API}/runs/log-batch"), &body, keys * steps)?;
            }
        }
        "single" => {
            let run = client.new_run()?;
            let mut step = 0;
            while Instant::now() < until {
                body.clear();
                let (value, at) = (value(step), START + step * 211);
                let _ = write!(
                    body,
                    "{{\"run_id\":\"{run}\",\"run_uuid\":\"{run}\",\"key\":\"loss\",\"value\":{value},\"timestamp\":{at},\"step\":{step}}}"
                );
                step += 1;
                ask(&mut client, &mut count, "POST", &format!("{API}/runs/log-metric"), &body, 1)?;
            }
        }
        "gets" => {
            let text = std::fs::read_to_string(&args[3])?;
            let paths: Vec<&str> = text.lines().collect();
            while Instant::now() < until {
                // The next path that no client has asked for yet.
                let next = u64::MAX - left.fetch_sub(1, Ordering::Relaxed);
                ask(&mut client, &mut count, "GET", paths[next as usize % paths.len()], "", 0)?;
            }
        }
        _ => {
            while Instant::now() < until {
                if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_err() {
                    break;
                }
                ask(&mut client, &mut count, "GET", &args[4], "", 0)?;
            }
        }
    }
    Ok(count)
}

fn fill(host: &str, run: &str, points: u64, key: &str) -> io::Result<Count> {
    let mut client = Client::new(host)?;
    let (mut count, mut body) = (Count::default(), String::new());
    for first in (0..points).step_by(1_000) {
        batch(run, 1, 1_000.min(points - first), first, &mut body);
        let body = body.replace("metric_0", key);
        ask(&mut client, &mut count, "POST", &format!("{API}/runs/log-batch"), &body, 1_000)?;
    }
    Ok(count)
}

fn report(mut all: Count, seconds: f64) {
    all.times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = ((all.times.len() as f64 * share) as usize).min(all.times.len().saturating_sub(1));
        all.times.get(place).copied().unwrap_or(0.0)
    };
    println!(
        "{{\"requests\":{},\"points\":{},\"errors\":{},\"bytes\":{},\"seconds\":{seconds:.3},\"rate\":{:.1},\
         \"p50\":{:.3},\"p95\":{:.3},\"max\":{:.3},\"first_error\":{:?}}}",
        all.requests,
        all.points,
        all.errors,
        all.bytes,
        all.requests.saturating_sub(all.errors) as f64 / seconds,
        at(0.5),
        at(0.95),
        at(1.0),
        all.first_error.unwrap_or_default(),
    );
}

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [host, what, ..] = args.as_slice() else {
        eprintln!("usage: see the head of load.rs");
        std::process::exit(2);
    };
    let number = |place: usize| args.get(place).and_then(|a| a.parse::<u64>().ok()).unwrap_or(0);
    let started = Instant::now();
    if what == "fill" {
        let all = fill(host, &args[2], number(3), &args[4])?;
        report(all, started.elapsed().as_secs_f64());
        return Ok(());
    }
    let until = started + Duration::from_secs(number(3));
    let left = Arc::new(AtomicU64::new(if what == "get" { number(4) } else { u64::MAX }));
    let clients: Vec<_> = (0..number(2))
        .map(|_| {
            let (host, args, left) = (host.clone(), args[1..].to_vec(), Arc::clone(&left));
            thread::spawn(move || client(&host, &args, until, &left))
        })
        .collect();
    let mut all = Count::default();
    for client in clients {
        match client.join() {
            Ok(Ok(count)) => {
                all.requests += count.requests;
                all.points += count.points;
                all.errors += count.errors;
                all.bytes += count.bytes;
                all.times.extend(count.times);
                all.first_error = all.first_error.or(count.first_error);
            }
            Ok(Err(error)) => {
                all.errors += 1;
                all.first_error.get_or_insert(error.to_string());
            }
            Err(_) => all.errors += 1,
        }
    }
    report(all, started.elapsed().as_secs_f64());
    Ok(())
}
