//! Many HTTP exchanges on one connection between two sidecars, for less work than HTTP/2.
//!
//! HTTP/2 compresses heads, orders streams and negotiates settings for browsers and long ways. Two sidecars of one mesh, on a connection that
//! mutual TLS has opened, can do without. They agree on this protocol in their handshake (ALPN, RFC
//! 7301) as `hallway/1`, and speak HTTP/2 or HTTP/1.1 with peers that do
//! not know it. Whatever changes what is sent has to change that name.
//!
//! # The protocol
//! The client begins each *exchange* of a request and its response in a free *lane*, of which there are [`LANES`], and gives it a number that has
//! not been used lately: its lane is the number modulo [`LANES`]. 0 stands for the connection as a whole.
//!
//! Both sides send *frames*, each with the number of the exchange that it is about, and how long it is (`frame`):
//! - a *head* begins a request or a response, with the method, authority and target or the status, and the headers (`fields`);
//! - *data* is a piece of a body, of at most 16 KiB with its prefix; *trailers* end one. A head or data can end it too;
//! - a *reset* ends an exchange before its end, with a [`Reason`]. Once a side has all of the other's, a reset takes nothing of that away;
//! - a *window* allows so many more bytes of one body, or of all together. Each side begins with [`EXCHANGE_WINDOW`] and
//!   [`CONNECTION_WINDOW`], and gets back what the other has taken;
//! - a *goodbye* of the server asks for no further requests; the client answers with its own after the last one, so that none is lost. The
//!   connection ends when all exchanges are over.
//!
//! What a frame says depends on no other one: a head that is too long is passed over, and the rest goes on. An exchange that breaks the rules of HTTP is
//! reset; a peer that breaks those of the protocol loses its connection.
//!
//! # The modules
//! `client` and `server` are the two sides, `halves` what those hold who take part in an exchange. Below them, `state` is what both share, with `lane` for
//! one exchange and `connection` for all of them, `receive` what a frame does to it; `wire` moves bytes, `frame` and `fields` read and write
//! them, `names` are the headers that are written as a number. Nothing here spawns a task or reads a clock other than tokio's.

pub mod client;
mod connection;
mod error;
mod fields;
mod frame;
mod halves;
mod lane;
mod names;
mod receive;
pub mod server;
mod state;
mod wire;

pub use error::Error;
pub use fields::RequestHead;
pub use frame::Reason;
pub use halves::{Answer, Receiving, Respond, Sending, Unsent};

/// How many exchanges a connection carries at once.
pub const LANES: usize = 256;

/// How much of one body may be on its way and not yet taken, in bytes.
pub const EXCHANGE_WINDOW: u32 = 256 * 1024;

/// The same for all bodies of a connection that go one way.
pub const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
