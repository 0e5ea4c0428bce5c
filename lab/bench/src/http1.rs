//! One end of an HTTP/1.1 connection, as cheap as a load generator and its application must be: no copies, no header maps, and only
//! messages that say how long they are.

use std::io;

use hallway_host::Stream;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The most bytes of a head.
const BUFFER: usize = 16 * 1024;
/// The most headers of a message.
const HEADERS: usize = 64;

/// One end of a connection.
pub(crate) struct Connection {
    stream: Stream,
    buffer: Box<[u8]>,
    filled: usize,
}

/// What a request asked for. Its body has been read, and not kept.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) has_request_id: bool,
}

/// What an answer was. Its body has been read, and not kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The bytes of its body.
    pub(crate) length: usize,
}

/// Why there is no message.
#[derive(Debug, Error)]
pub(crate) enum MessageError {
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The other end closed the connection.
    #[error("the connection was closed before the answer was complete")]
    Closed,
    /// It is no HTTP/1.1.
    #[error("the message cannot be read: {0}")]
    Malformed(#[from] httparse::Error),
    /// Its head does not end.
    #[error("the head of the message is longer than {BUFFER} bytes")]
    TooLong,
    /// How long its body is, is not said in `content-length`.
    #[error("a message without a usable content-length")]
    NoLength,
}

/// A head, and where the body begins.
struct Parsed<T> {
    value: T,
    head: usize,
    body: usize,
}

impl Connection {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            stream,
            buffer: vec![0; BUFFER].into(),
            filled: 0,
        }
    }

    /// Sends whole messages.
    ///
    /// # Errors
    /// [`MessageError::Io`].
    pub(crate) async fn send(&mut self, messages: &[u8]) -> Result<(), MessageError> {
        Ok(self.stream.write_all(messages).await?)
    }

    /// The next request, or nothing when the client has closed the connection.
    ///
    /// # Errors
    /// [`MessageError`].
    pub(crate) async fn request(&mut self) -> Result<Option<Request>, MessageError> {
        let parsed = match self.head(parse_request).await {
            Err(MessageError::Closed) if self.filled == 0 => return Ok(None),
            other => other?,
        };
        self.skip(parsed.head + parsed.body).await?;
        Ok(Some(parsed.value))
    }

    /// The next answer.
    ///
    /// # Errors
    /// [`MessageError`].
    pub(crate) async fn answer(&mut self) -> Result<Answer, MessageError> {
        let parsed = self.head(parse_answer).await?;
        self.skip(parsed.head + parsed.body).await?;
        Ok(Answer {
            status: parsed.value,
            length: parsed.body,
        })
    }

    async fn head<T>(
        &mut self,
        parse: impl Fn(&[u8]) -> Result<Option<Parsed<T>>, MessageError>,
    ) -> Result<Parsed<T>, MessageError> {
        loop {
            if self.filled > 0
                && let Some(parsed) = parse(&self.buffer[..self.filled])?
            {
                return Ok(parsed);
            }
            if self.filled == self.buffer.len() {
                return Err(MessageError::TooLong);
            }
            self.read_more().await?;
        }
    }

    /// Takes so many bytes from the connection, and forgets them.
    async fn skip(&mut self, mut bytes: usize) -> Result<(), MessageError> {
        while bytes > self.filled {
            bytes -= std::mem::take(&mut self.filled);
            self.read_more().await?;
        }
        self.buffer.copy_within(bytes..self.filled, 0);
        self.filled -= bytes;
        Ok(())
    }

    async fn read_more(&mut self) -> Result<(), MessageError> {
        match self.stream.read(&mut self.buffer[self.filled..]).await? {
            0 => Err(MessageError::Closed),
            count => {
                self.filled += count;
                Ok(())
            }
        }
    }
}

fn parse_request(bytes: &[u8]) -> Result<Option<Parsed<Request>>, MessageError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(bytes)? else {
        return Ok(None);
    };
    let named = |name: &str| header(request.headers, name);
    if named("transfer-encoding").is_some() {
        return Err(MessageError::NoLength);
    }
    let body = match named("content-length") {
        None => 0,
        Some(value) => length(value)?,
    };
    let value = Request {
        path: request.path.unwrap_or_default().to_owned(),
        has_request_id: named("x-request-id").is_some(),
    };
    Ok(Some(Parsed { value, head, body }))
}

fn parse_answer(bytes: &[u8]) -> Result<Option<Parsed<u16>>, MessageError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = answer.parse(bytes)? else {
        return Ok(None);
    };
    let body = length(header(answer.headers, "content-length").ok_or(MessageError::NoLength)?)?;
    let value = answer.code.unwrap_or_default();
    Ok(Some(Parsed { value, head, body }))
}

fn header<'a>(headers: &[httparse::Header<'a>], name: &str) -> Option<&'a [u8]> {
    headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value)
}

fn length(value: &[u8]) -> Result<usize, MessageError> {
    let text = std::str::from_utf8(value).map_err(|_| MessageError::NoLength)?;
    text.trim().parse().map_err(|_| MessageError::NoLength)
}
