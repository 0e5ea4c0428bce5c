//! Pure traffic decisions: what a proxy does with a request, without the doing.
//!
//! Nothing here reads a clock, draws a random number of its own or touches a socket: time, randomness and load come in
//! as arguments, so that every decision can be tested exactly and replayed from a seed.
//!
//! In the order in which a request meets them:
//! - [`path`]: the one reading of a path, or why it has several
//! - [`authorization`]: whether the callee's policies let it pass
//! - [`route`]: the route tables of a snapshot, compiled, and found by authority
//! - [`route_match`]: which rule of a table a request selects, by Gateway API's precedence
//! - [`rate_limit`]: how many requests a client may make
//! - [`redirect`]: where a redirected caller is sent
//! - [`rewrite`]: what a rewritten request asks for
//! - [`split`]: which backend of a rule, by weight
//! - [`balance`]: which endpoint of a cluster
//! - [`timeout`]: how long an attempt may take, and which timeout ends it
//! - [`retry`]: whether to try again, and after which pause
//! - [`retry_budget`]: how much of a cluster's traffic may be tried again
//! - [`headers`]: header filters of rules, and the headers that end at each hop
//! - [`forwarding`]: what a proxy tells the next hop about the one before
//! - [`request_id`]: the header `x-request-id`
//! - [`trace_context`]: the header `traceparent`

pub mod authorization;
pub mod balance;
pub mod forwarding;
pub mod headers;
pub mod path;
pub mod rate_limit;
pub mod redirect;
pub mod request_id;
pub mod retry;
pub mod retry_budget;
pub mod rewrite;
pub mod route;
pub mod route_match;
pub mod split;
pub mod timeout;
pub mod trace_context;

pub use route::{CompiledRule, CompiledTable, RouteError, Routes};
pub use route_match::{RequestHead, Selection};
