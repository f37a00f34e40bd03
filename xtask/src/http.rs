//! The smallest HTTP client that reads the server's answers: one HTTP/1.0 request a connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// GET on 127.0.0.1. Errs if nobody answers within five seconds.
pub fn get(port: u16, path: &str) -> Result<Answer, String> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let wait = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&address, wait).map_err(|e| format!("{address}: {e}"))?;
    let limits = stream.set_read_timeout(Some(wait)).and(stream.set_write_timeout(Some(wait)));
    limits.map_err(|e| format!("{address}: {e}"))?;
    let request =
        format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(|e| format!("{address}: {e}"))?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(|e| format!("{address}: {e}"))?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("{address}: no HTTP answer"))?;
    let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok());
    Ok(Answer { status: status.ok_or_else(|| format!("{address}: no status"))?, body: body.to_owned() })
}
