//! The bytes below HTTP: plaintext, or TLS over the same.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use hallway_host::Stream;
use hallway_identity::PeerCertificate;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

/// An established connection.
pub(crate) enum Transport {
    /// In the clear.
    Plaintext(Peeked),
    /// Mutual TLS.
    Tls(Box<TlsStream<Peeked>>),
}

/// A stream whose first byte was looked at, and is read again.
pub(crate) struct Peeked {
    first: Option<u8>,
    stream: Stream,
}

/// The first byte of every TLS connection: the content type `handshake` (RFC 8446 §5.1). No HTTP request begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

impl Transport {
    /// What the peer's certificate says; none over plaintext.
    pub(crate) fn peer(&self) -> Option<PeerCertificate> {
        match self {
            Self::Plaintext(_) => None,
            Self::Tls(stream) => PeerCertificate::of(stream.get_ref().1),
        }
    }
}

impl Peeked {
    /// A stream of which nothing was read.
    pub(crate) fn untouched(stream: Stream) -> Self {
        Self { first: None, stream }
    }

    /// Waits for the first byte. None when the connection ended before it.
    pub(crate) async fn peek(mut stream: Stream) -> io::Result<Option<Self>> {
        let mut byte = [0];
        Ok(match stream.read(&mut byte).await? {
            0 => None,
            _ => Some(Self {
                first: Some(byte[0]),
                stream,
            }),
        })
    }

    /// Whether the other side speaks TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.first == Some(TLS_HANDSHAKE)
    }
}

impl AsyncRead for Peeked {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() > 0
            && let Some(first) = self.first.take()
        {
            buffer.put_slice(&[first]);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Peeked {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
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
