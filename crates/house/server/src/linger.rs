//! A connection that is closed while the client still sends (a refused upload, a request that cannot be read) is closed
//! slowly: what comes is thrown away for a while. Closed at once, the system would reset it, and the client would
//! never read the answer that says why.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long it may go on, how long nothing may come, and how long the first may take to come.
const LONGEST: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_secs(1);
const FIRST: Duration = Duration::from_millis(200);
/// Most that is thrown away.
const MOST: usize = 256 << 20;

pub struct Lingering {
    stream: TcpStream,
    closing: Option<Closing>,
}

struct Closing {
    alarm: Pin<Box<Sleep>>,
    end: Instant,
    left: usize,
}

impl Lingering {
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, closing: None }
    }
}

impl Closing {
    fn new() -> Self {
        let now = Instant::now();
        let alarm = Box::pin(sleep_until(now + FIRST));
        Self { alarm, end: now + LONGEST, left: MOST }
    }

    /// Reads what comes, until nothing more is to be expected. Errors end it as well: the client is gone.
    fn poll(&mut self, stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 16 << 10];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Poll::Ready(()),
                Poll::Ready(Ok(())) => {
                    let now = Instant::now();
                    self.left = self.left.saturating_sub(buffer.filled().len());
                    if self.left == 0 || now >= self.end {
                        return Poll::Ready(());
                    }
                    self.alarm.as_mut().reset((now + QUIET).min(self.end));
                }
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return self.alarm.as_mut().poll(cx),
            }
        }
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.closing.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        let closing = this.closing.get_or_insert_with(Closing::new);
        ready!(closing.poll(&mut this.stream, cx));
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "a test ends what it starts")]
    async fn a_client_that_still_sends_reads_why_it_was_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let mut stream = Lingering::new(listener.accept().await.unwrap().0);
            let mut head = [0; 4];
            stream.read_exact(&mut head).await.unwrap();
            stream.write_all(b"refused").await.unwrap();
            stream.shutdown().await.unwrap();
        });
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(&vec![1; 20 << 20]).await.unwrap();
        let mut answer = Vec::new();
        // The client goes as soon as it has its answer; the server does not wait longer.
        client.read_to_end(&mut answer).await.unwrap();
        drop(client);
        assert_eq!(answer, b"refused");
        tokio::time::timeout(Duration::from_secs(5), server).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn nobody_waits_long_for_a_client_that_is_silent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut stream = Lingering::new(listener.accept().await.unwrap().0);
        let started = Instant::now();
        stream.shutdown().await.unwrap();
        assert!(started.elapsed() < QUIET, "{:?}", started.elapsed());
        drop(client);
    }
}
