//! A load generator for prediction servers with nothing but the standard library: one thread and one connection a client.
//!
//!     rustc --edition 2024 -O -o load load.rs
//!     load <host:port> <path> <content type> <body file> <clients> <seconds> [<rate>]
//!
//! Without a rate the loop is closed: a client asks again as soon as it has its answer. With one it is open: requests are due
//! at fixed moments, spread over the clients, and a time is counted from the moment when its request was due, so that a server
//! that stalls is charged for what waits (no coordinated omission).
//! Prints one line of JSON: requests, errors, seconds, rate, and percentiles of the times in microseconds.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn new(host: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { stream: BufReader::with_capacity(1 << 16, stream) })
    }

    /// Sends a whole request; gives the status and the body.
    fn ask(&mut self, request: &[u8], line: &mut String, into: &mut Vec<u8>) -> io::Result<u16> {
        self.stream.get_mut().write_all(request)?;
        let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        line.clear();
        self.stream.read_line(line)?;
        let status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| bad("no status"))?;
        let (mut length, mut chunked) = (None, false);
        loop {
            line.clear();
            self.stream.read_line(line)?;
            let field = line.trim_end();
            if field.is_empty() {
                break;
            }
            if let Some((name, value)) = field.split_once(':') {
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().ok();
                } else if name.eq_ignore_ascii_case("transfer-encoding") {
                    chunked = value.contains("chunked");
                }
            }
        }
        into.clear();
        if let Some(length) = length {
            into.resize(length, 0);
            self.stream.read_exact(into)?;
        } else if chunked {
            loop {
                line.clear();
                self.stream.read_line(line)?;
                let size = usize::from_str_radix(line.trim_end(), 16).map_err(|_| bad("no chunk"))?;
                let start = into.len();
                into.resize(start + size + 2, 0);
                self.stream.read_exact(&mut into[start..])?;
                into.truncate(start + size);
                if size == 0 {
                    break;
                }
            }
        }
        Ok(status)
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host, path, kind, file, clients, seconds, rest @ ..] = arguments.as_slice() else {
        eprintln!("load <host:port> <path> <content type> <body file> <clients> <seconds> [<rate>]");
        std::process::exit(2);
    };
    let body = std::fs::read(file).expect("the body file");
    let clients: usize = clients.parse().expect("a number of clients");
    let seconds: f64 = seconds.parse().expect("seconds");
    let rate: Option<f64> = rest.first().map(|rate| rate.parse().expect("a rate"));
    let mut request =
        format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len())
            .into_bytes();
    request.extend_from_slice(&body);
    let request = Arc::new(request);
    let start = Instant::now() + Duration::from_millis(50);
    let threads: Vec<_> = (0..clients)
        .map(|client| {
            let (host, request) = (host.clone(), Arc::clone(&request));
            thread::spawn(move || drive(&host, &request, client, clients, start, seconds, rate))
        })
        .collect();
    let (mut times, mut errors, mut said) = (Vec::new(), 0, String::new());
    for thread in threads {
        let (of_one, failed, text) = thread.join().expect("a client");
        times.extend(of_one);
        errors += failed;
        if said.is_empty() {
            said = text;
        }
    }
    let took = start.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        times.get(place.min(times.len().saturating_sub(1))).copied().unwrap_or(0) as f64 / 1_000.0
    };
    println!(
        "{{\"requests\": {}, \"errors\": {errors}, \"first_error\": {said:?}, \"seconds\": {took:.3}, \"rate\": {:.1}, \
         \"p50\": {:.1}, \"p90\": {:.1}, \"p99\": {:.1}, \"p999\": {:.1}, \"max\": {:.1}}}",
        times.len(),
        times.len() as f64 / took,
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

/// The times of the good answers in nanoseconds, how many others there were, and what the first of them said.
fn drive(
    host: &str,
    request: &[u8],
    client: usize,
    clients: usize,
    start: Instant,
    seconds: f64,
    rate: Option<f64>,
) -> (Vec<u64>, usize, String) {
    let (mut times, mut errors, mut said) = (Vec::with_capacity(1 << 16), 0, String::new());
    let (mut line, mut answer) = (String::new(), Vec::new());
    let end = start + Duration::from_secs_f64(seconds);
    let mut connection = Client::new(host).ok();
    let mut number = client;
    loop {
        let due = match rate {
            Some(rate) => start + Duration::from_secs_f64(number as f64 / rate),
            None => Instant::now().max(start),
        };
        number += clients;
        if due >= end || Instant::now() >= end + Duration::from_secs(10) {
            return (times, errors, said);
        }
        wait_until(due);
        let asked = match &mut connection {
            Some(open) => open.ask(request, &mut line, &mut answer),
            None => Err(io::Error::other("cannot connect")),
        };
        match asked {
            Ok(200) => times.push(due.elapsed().as_nanos() as u64),
            Ok(status) => {
                errors += 1;
                if said.is_empty() {
                    said = format!("{status} {}", String::from_utf8_lossy(&answer[..answer.len().min(200)]));
                }
            }
            Err(error) => {
                errors += 1;
                if said.is_empty() {
                    said = error.to_string();
                }
                connection = Client::new(host).ok();
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// Sleeps most of the way: the kernel wakes a sleeper some 60 µs late, which the last stretch spins away.
fn wait_until(due: Instant) {
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        if left > Duration::from_micros(150) {
            thread::sleep(left - Duration::from_micros(120));
        } else {
            std::hint::spin_loop();
        }
    }
}
