//! Exchanges, as many at once as it may be, come through as they were sent.

use std::cell::RefCell;
use std::collections::BTreeMap;

use futures_util::future::join_all;
use hallway_lanes::server::Exchange;
use hallway_lanes::{Error, LANES, Reason};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use proptest::prelude::*;

use crate::support::{
    Whole, begin, begin_with, body, echo, empty, get, head, read, settle, talk, waits, whole,
};

/// What becomes of one exchange.
#[derive(Clone, Debug)]
struct Plan {
    request: Vec<usize>,
    response: Vec<usize>,
    trailers: bool,
    end: End,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// As it should.
    Whole,
    /// The client takes it back before the answer.
    TakenBack,
    /// The client lets go of the answer unread.
    Unread,
    /// The server does not look at the body of the request.
    NotLookedAt,
    /// The server gives up.
    GivenUp,
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let sizes = || prop::collection::vec(prop_oneof![4 => 0usize..200, 1 => 10_000usize..60_000], 0..5);
    let end = prop_oneof![
        4 => Just(End::Whole),
        1 => Just(End::TakenBack),
        1 => Just(End::Unread),
        1 => Just(End::NotLookedAt),
        1 => Just(End::GivenUp),
    ];
    let plan = (sizes(), sizes(), any::<bool>(), end).prop_map(|(request, response, trailers, end)| Plan {
        request,
        response,
        trailers,
        end,
    });
    prop::collection::vec(plan, 1..2 * LANES)
}

/// The pieces of a body that belongs to one exchange only.
fn pieces(sizes: &[usize], salt: usize) -> Vec<Vec<u8>> {
    let mut next = salt;
    let mut byte = || {
        next = next.wrapping_mul(31).wrapping_add(7);
        (next >> 3) as u8
    };
    sizes
        .iter()
        .map(|size| (0..*size).map(|_| byte()).collect())
        .collect()
}

fn trailers(salt: usize) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("salt", HeaderValue::from(salt));
    trailers
}

fn expected(sizes: &[usize], salt: usize, has_trailers: bool) -> Whole {
    Whole {
        data: pieces(sizes, salt).concat(),
        trailers: has_trailers.then(|| trailers(salt)),
    }
}

async fn answer(plans: &[Plan], received: &RefCell<BTreeMap<usize, Whole>>, exchange: Exchange) {
    let (parts, request) = exchange.request.into_parts();
    let index: usize = parts.uri.path()[1..].parse().expect("an index");
    let plan = &plans[index];
    match plan.end {
        End::GivenUp => return,
        End::NotLookedAt => drop(request),
        _ => match read(request).await {
            Ok(request) => drop(received.borrow_mut().insert(index, request)),
            Err(_) => return,
        },
    }
    let Ok(sending) = exchange.respond.respond(&head(StatusCode::OK), false).await else {
        return;
    };
    let trailers = plan.trailers.then(|| trailers(index + 1));
    drop(
        sending
            .send(body(pieces(&plan.response, index + 1), trailers))
            .await,
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_becomes_of_others_an_exchange_comes_through(plans in plans(), buffer in 1usize..50_000) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let received = RefCell::new(BTreeMap::new());
        let (answers, client, server) = runtime.block_on(talk(
            buffer,
            |exchange| answer(&plans, &received, exchange),
            |requests| {
                let plans = &plans;
                async move {
                    let call = async |(index, plan): (usize, &Plan)| {
                        let (answer, sending) = begin(&requests, &format!("/{index}"), false).await?;
                        let trailers = plan.trailers.then(|| trailers(index));
                        let sending = sending.send(body(pieces(&plan.request, index), trailers));
                        if plan.end == End::TakenBack {
                            drop(answer);
                            drop(sending.await);
                            return Ok(None);
                        }
                        let answering = async {
                            let response = answer.response().await?;
                            match plan.end {
                                End::Unread => Ok(None),
                                _ => whole(response).await.map(Some),
                            }
                        };
                        tokio::join!(sending, answering).1
                    };
                    join_all(plans.iter().enumerate().map(call)).await
                }
            },
        ));
        // Both ends are in order, so no lane was left taken and nothing was said that should not have been.
        prop_assert!(client.is_ok() && server.is_ok(), "{client:?} {server:?}");
        for (index, (plan, answer)) in plans.iter().zip(answers).enumerate() {
            if matches!(plan.end, End::Whole | End::NotLookedAt) {
                let answer: Whole = answer.map(|answer: Option<http::Response<Whole>>| answer.expect("an answer").into_body()).expect("an answer");
                prop_assert_eq!(answer, expected(&plan.response, index + 1, plan.trailers));
            } else if plan.end == End::GivenUp {
                prop_assert!(matches!(answer, Err(Error::Reset(Reason::Broken))));
            }
            if matches!(plan.end, End::Whole | End::Unread) {
                prop_assert_eq!(&received.borrow()[&index], &expected(&plan.request, index, plan.trailers));
            }
        }
    }
}

#[tokio::test]
async fn what_a_client_takes_back_its_server_hears_of() {
    let heard = RefCell::new(None);
    let handler = async |mut exchange: Exchange| {
        let error = std::future::poll_fn(|context| exchange.respond.poll_reset(context)).await;
        *heard.borrow_mut() = Some(error);
    };
    let client = async |requests| {
        let (answer, sending) = begin(&requests, "/", true).await.expect("a lane");
        settle().await;
        assert!(heard.borrow().is_none());
        drop((answer, sending));
        settle().await;
        assert!(matches!(*heard.borrow(), Some(Error::Reset(Reason::Cancelled))));
    };
    let ((), client, server) = talk(1000, handler, client).await;
    assert!(client.is_ok() && server.is_ok());
}

#[tokio::test]
async fn more_than_there_are_lanes_have_to_wait_for_one() {
    let (go, gate) = tokio::sync::watch::channel(false);
    let handler = |exchange: Exchange| {
        let mut gate = gate.clone();
        async move {
            gate.wait_for(|open| *open).await.expect("it opens");
            empty(exchange).await;
        }
    };
    let client = async |requests| {
        let begun = join_all((0..LANES).map(|_| begin(&requests, "/", true))).await;
        assert!(begun.iter().all(Result::is_ok));
        assert!(waits(begin(&requests, "/late", true)).await);
        go.send(true).expect("somebody waits");
        for begun in begun {
            let (answer, _sending) = begun.expect("a lane");
            answer.response().await.expect("an answer");
        }
        get(&requests, "/late").await.expect("an answer")
    };
    let (late, client, server) = talk(1000, handler, client).await;
    assert_eq!(late.status(), StatusCode::OK);
    assert!(client.is_ok() && server.is_ok());
}

#[tokio::test]
async fn a_body_that_breaks_off_is_told_to_the_other_side() {
    let client = async |requests| {
        let (answer, sending) = begin(&requests, "/", false).await.expect("a lane");
        let broken = futures_util::stream::iter([
            Ok(http_body::Frame::data(bytes::Bytes::from_static(b"some"))),
            Err(std::io::Error::other("no more")),
        ]);
        let sent = sending.send(http_body_util::StreamBody::new(broken)).await;
        assert!(matches!(sent, Err(hallway_lanes::Unsent::Body(_))), "{sent:?}");
        let answered = match answer.response().await {
            Ok(response) => whole(response).await.map(drop),
            Err(error) => Err(error),
        };
        assert!(
            matches!(answered, Err(Error::Reset(Reason::Broken))),
            "{answered:?}"
        );
    };
    let ((), client, server) = talk(1000, echo, client).await;
    assert!(client.is_ok() && server.is_ok());
}

#[tokio::test]
async fn a_head_that_is_too_long_is_answered_and_the_next_one_comes_through() {
    let mut long = HeaderMap::new();
    long.insert(
        "long",
        HeaderValue::from_str(&"x".repeat(20_000)).expect("a value"),
    );
    let client = async |requests| {
        for ends in [true, false] {
            let (answer, sending) = begin_with(&requests, &Method::GET, "/", &long, ends)
                .await
                .expect("a lane");
            let response = answer.response().await.expect("an answer");
            assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
            if !ends {
                let sent = sending.send(body(vec![vec![0; 1000]], None)).await;
                assert!(sent.is_err());
            }
        }
        assert_eq!(
            get(&requests, "/").await.expect("an answer").status(),
            StatusCode::OK
        );
    };
    let ((), client, server) = talk(1000, empty, client).await;
    assert!(client.is_ok() && server.is_ok());
}

#[tokio::test]
async fn an_answer_with_a_head_that_is_too_long_is_no_answer() {
    let handler = async |exchange: Exchange| {
        let mut head = head(StatusCode::OK);
        head.headers.insert(
            "long",
            HeaderValue::from_str(&"x".repeat(20_000)).expect("a value"),
        );
        drop(exchange.respond.respond(&head, true).await);
    };
    let client = async |requests| get(&requests, "/").await.map(drop);
    let (answered, client, server) = talk(1000, handler, client).await;
    assert!(
        matches!(answered, Err(Error::Reset(Reason::TooLong))),
        "{answered:?}"
    );
    assert!(client.is_ok() && server.is_ok());
}

/// What a client makes of an answer that announces `length` and then has `sent` bytes, to a request with this method.
async fn announced(method: Method, status: u16, length: &'static str, sent: usize) -> Result<usize, Error> {
    let handler = async |exchange: Exchange| {
        let mut head = head(StatusCode::from_u16(status).expect("a status"));
        head.headers
            .insert("content-length", HeaderValue::from_static(length));
        match exchange.respond.respond(&head, sent == 0).await {
            Ok(sending) if sent > 0 => drop(sending.send(body(vec![vec![0; sent]], None)).await),
            _ => {}
        }
    };
    let client = async |requests| {
        let (answer, _sending) = begin_with(&requests, &method, "/", &HeaderMap::new(), true).await?;
        let whole = whole(answer.response().await?).await?;
        Ok(whole.into_body().data.len())
    };
    let (answered, client, server) = talk(1000, handler, client).await;
    assert!(client.is_ok() && server.is_ok());
    answered
}

#[tokio::test]
async fn a_body_has_to_be_as_long_as_it_was_announced() {
    assert_eq!(announced(Method::GET, 200, "5", 5).await.expect("an answer"), 5);
    assert_eq!(announced(Method::GET, 200, "0", 0).await.expect("an answer"), 0);
    // Those have no body, whatever their head says of it.
    assert_eq!(announced(Method::HEAD, 200, "5", 0).await.expect("an answer"), 0);
    assert_eq!(announced(Method::GET, 304, "5", 0).await.expect("an answer"), 0);
    for (length, sent) in [("5", 4), ("5", 6), ("5", 0), ("+5", 5), ("five", 5), ("", 5)] {
        let answered = announced(Method::GET, 200, length, sent).await;
        assert!(
            matches!(answered, Err(Error::Reset(Reason::Malformed))),
            "{length} {sent}: {answered:?}"
        );
    }
}
