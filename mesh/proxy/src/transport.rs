//! The bytes below HTTP: plaintext, or TLS over the same.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use hallway_host::Stream;
use hallway_identity::{Agreed, PeerCertificate};
use hallway_model::Protocol;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tokio_rustls::TlsStream;
use tokio_util::io::poll_read_buf;

/// An established connection.
pub(crate) enum Transport {
    /// In the clear.
    Plaintext(Peeked),
    /// Mutual TLS.
    Tls(Box<TlsStream<Peeked>>),
}

/// A stream of which some bytes were read ahead: the first ones, to see what is spoken, and under TLS as much as the
/// kernel has. rustls asks for 4 KiB at a time, which would be a system call for each few requests of a busy
/// HTTP/2 connection.
pub(crate) struct Peeked {
    stream: Stream,
    ahead: BytesMut,
    /// How much to read ahead; nothing when 0.
    reads_ahead: usize,
    /// How long the peer may take nothing of what is written; without end when there is none.
    patience: Option<Duration>,
    /// Ends when it has taken nothing for so long; set while it takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

/// What the first bytes of a connection say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Spoken {
    /// A TLS handshake.
    Tls,
    /// HTTP in the clear, of this version.
    Plaintext(Protocol),
}

/// How requests travel on a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Carrier {
    /// As HTTP/1.1, one after the other.
    Http1,
    /// As HTTP/2, many at once.
    Http2,
    /// In lanes, many at once: between sidecars.
    Lanes,
}

impl From<Protocol> for Carrier {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Http1 => Self::Http1,
            Protocol::Http2 => Self::Http2,
        }
    }
}

/// The first byte of every TLS connection: the content type `handshake` (RFC 8446 §5.1). No HTTP request begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// With this begins every HTTP/2 connection (RFC 9113 §3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How much is read ahead under TLS, in bytes. The buffer is given back as soon as it is empty.
const READ_AHEAD: usize = 32 * 1024;

impl Transport {
    /// What the peer's certificate says; none over plaintext.
    pub(crate) fn peer(&self) -> Option<PeerCertificate> {
        match self {
            Self::Plaintext(_) => None,
            Self::Tls(stream) => PeerCertificate::of(stream.get_ref().1),
        }
    }

    /// What both sides have agreed on; over plaintext there is no agreement, only `assumed`.
    pub(crate) fn carrier(&self, assumed: Protocol) -> Carrier {
        match self {
            Self::Plaintext(_) => assumed.into(),
            Self::Tls(stream) => match Agreed::on(stream.get_ref().1) {
                Agreed::Http1 => Carrier::Http1,
                Agreed::Http2 => Carrier::Http2,
                Agreed::Lanes => Carrier::Lanes,
            },
        }
    }

    /// The host name that the client of this connection has asked for in its handshake (SNI).
    pub(crate) fn requested_name(&self) -> Option<&str> {
        match self {
            Self::Tls(stream) => match stream.as_ref() {
                TlsStream::Server(stream) => stream.get_ref().1.server_name(),
                TlsStream::Client(_) => None,
            },
            Self::Plaintext(_) => None,
        }
    }
}

impl Peeked {
    /// A stream of which nothing was read.
    pub(crate) fn untouched(stream: Stream) -> Self {
        Self {
            stream,
            ahead: BytesMut::new(),
            reads_ahead: 0,
            patience: None,
            stalled: None,
        }
    }

    /// The same, which breaks when the peer takes nothing of what is written for `limit`.
    pub(crate) fn impatient(mut self, limit: Duration) -> Self {
        self.patience = Some(limit);
        self
    }

    /// The same, for TLS to read from.
    pub(crate) fn for_tls(mut self) -> Self {
        self.reads_ahead = READ_AHEAD;
        self
    }

    /// What came of writing; an error when the peer has taken nothing for too long.
    fn or_stalled(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let Some(patience) = self.patience else {
            return written;
        };
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        let words = "the peer has taken nothing for too long";
        let failed = |()| Err(io::Error::new(io::ErrorKind::TimedOut, words));
        stalled.as_mut().poll(context).map(failed)
    }

    /// Waits for the first bytes, until they tell what is spoken. None when the connection ended before the first one.
    pub(crate) async fn peek(stream: Stream) -> io::Result<Option<(Self, Spoken)>> {
        let mut peeked = Self::untouched(stream);
        loop {
            if let Some(spoken) = Spoken::told_by(&peeked.ahead) {
                return Ok(Some((peeked, spoken)));
            }
            let wanted = HTTP2_PREFACE.len() - peeked.ahead.len();
            let read = (&mut peeked.stream)
                .take(wanted as u64)
                .read_buf(&mut peeked.ahead)
                .await?;
            match (read, peeked.ahead.is_empty()) {
                (0, true) => return Ok(None),
                // What has begun like HTTP/2 and ends here is for the parser to refuse.
                (0, false) => return Ok(Some((peeked, Spoken::Plaintext(Protocol::Http1)))),
                _ => {}
            }
        }
    }
}

impl Spoken {
    /// What the first bytes of a connection tell; none when more of them are needed.
    fn told_by(first: &[u8]) -> Option<Self> {
        match first {
            [] => None,
            [TLS_HANDSHAKE, ..] => Some(Self::Tls),
            _ if first.starts_with(HTTP2_PREFACE) => Some(Self::Plaintext(Protocol::Http2)),
            _ if HTTP2_PREFACE.starts_with(first) => None,
            _ => Some(Self::Plaintext(Protocol::Http1)),
        }
    }
}

impl AsyncRead for Peeked {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self {
            stream,
            ahead,
            reads_ahead,
            ..
        } = self.get_mut();
        if ahead.is_empty() {
            if *reads_ahead <= buffer.remaining() {
                return Pin::new(stream).poll_read(context, buffer);
            }
            ahead.reserve(*reads_ahead);
            let read = poll_read_buf(Pin::new(stream), context, ahead);
            if !matches!(read, Poll::Ready(Ok(1..))) {
                *ahead = BytesMut::new();
                return read.map_ok(drop);
            }
        }
        let some = ahead.len().min(buffer.remaining());
        buffer.put_slice(&ahead[..some]);
        ahead.advance(some);
        if ahead.is_empty() {
            *ahead = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Peeked {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.or_stalled(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.or_stalled(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plaintext(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plaintext(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plaintext(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plaintext(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plaintext(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plaintext(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use hallway_simulator::{Options, Simulation};
    use tokio::io::AsyncWriteExt;
    use tokio::time::{Instant, timeout};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Writes without end to a peer that takes what fits into its buffers, and then a piece every `pause`, if there is one: for five
    /// times the patience, or until it fails.
    fn written_to_a_peer(pause: Option<Duration>) -> Result<io::Error, Duration> {
        let simulation = Simulation::new(Options::default());
        let (near, far) = (simulation.machine("near"), simulation.machine("far"));
        let far_address = far.address();
        let (near, far) = (near.process("writer").host(), far.process("reader").host());
        simulation.run(async {
            let mut listener = far
                .listen(SocketAddr::new(far_address, 80))
                .await
                .expect("a port");
            let address = listener.local_address().expect("its address");
            let connecting = near.connect(address);
            let (connected, (mut accepted, _)) = tokio::join!(connecting, listener.accept());
            let mut stream = Peeked::untouched(connected.expect("a connection")).impatient(PATIENCE);
            let began = Instant::now();
            let writing = async {
                loop {
                    if let Err(error) = stream.write_all(&[0; 16 * 1024]).await {
                        return error;
                    }
                }
            };
            let reading = async {
                while let Some(pause) = pause {
                    tokio::time::sleep(pause).await;
                    accepted
                        .read_exact(&mut vec![0; 1024 * 1024])
                        .await
                        .expect("bytes");
                }
                std::future::pending::<()>().await;
            };
            let either = async {
                tokio::select! {
                    error = writing => error,
                    () = reading => unreachable!("it reads without end"),
                }
            };
            timeout(5 * PATIENCE, either).await.map_err(|_| began.elapsed())
        })
    }

    #[test]
    fn a_peer_that_takes_nothing_is_given_up() {
        let error = written_to_a_peer(None).expect("an error");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
    }

    #[test]
    fn a_peer_that_takes_its_time_is_not() {
        let lasted = written_to_a_peer(Some(PATIENCE / 2)).expect_err("no error");
        assert!(lasted >= 5 * PATIENCE, "{lasted:?}");
    }

    #[test]
    fn the_first_bytes_tell_what_is_spoken() {
        assert_eq!(Spoken::told_by(&[0x16, 3, 1]), Some(Spoken::Tls));
        for end in 0..HTTP2_PREFACE.len() {
            assert_eq!(Spoken::told_by(&HTTP2_PREFACE[..end]), None);
        }
        let http2 = Some(Spoken::Plaintext(Protocol::Http2));
        assert_eq!(Spoken::told_by(HTTP2_PREFACE), http2);
        for other in [&b"G"[..], b"POST", b"PRI * HTTP/1.1", b"\r\n"] {
            let http1 = Some(Spoken::Plaintext(Protocol::Http1));
            assert_eq!(Spoken::told_by(other), http1, "{other:?}");
        }
    }
}
