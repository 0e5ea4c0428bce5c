//! What a peer may not do, written by hand.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::join;
use hallway_lanes::server::Exchange;
use hallway_lanes::{CONNECTION_WINDOW, EXCHANGE_WINDOW, Error, LANES, Reason, client, server};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::timeout;

use crate::support::{HEADER_BYTES, alone, empty, frame, get, post, serve, settle};

const HEAD: u8 = 0x01;
const HEAD_AND_END: u8 = 0x81;
const DATA: u8 = 0x02;
const DATA_AND_END: u8 = 0x82;
const TRAILERS: u8 = 0x03;
const RESET: u8 = 0x04;
const WINDOW: u8 = 0x05;
const GOODBYE: u8 = 0x06;

const CANCELLED: u8 = 0;
const REFUSED: u8 = 2;
const MALFORMED: u8 = 3;

/// Never answers, until the client is gone.
async fn hang(mut exchange: Exchange) {
    std::future::poll_fn(|context| exchange.respond.poll_reset(context)).await;
}

/// How a server ends that is sent `frames`, and what it sends before.
async fn sent(frames: &[Vec<u8>]) -> (Result<(), Error>, Vec<u8>) {
    let (near, serving) = alone(hang);
    let (mut reading, mut writing) = tokio::io::split(near);
    let client = async {
        // It may be gone before all is sent.
        let _ = writing.write_all(&frames.concat()).await;
        settle().await;
        writing.shutdown().await.expect("it can be closed");
        let mut answer = Vec::new();
        reading.read_to_end(&mut answer).await.expect("what it has sent");
        answer
    };
    join(serving, client).await
}

#[tokio::test]
async fn what_breaks_the_protocol_ends_the_connection() {
    let open = || frame(HEAD, 256, &post(None));
    let piece = |length| frame(DATA, 256, &vec![0; length]);
    let window = |number, bytes: u32| frame(WINDOW, number, &bytes.to_be_bytes());
    let most = 16 * 1024 - 8;
    let filled = one_byte_more_than_all_may_have();
    let cases: [(&str, Vec<Vec<u8>>); 9] = [
        (
            "an exchange for the connection as a whole",
            vec![frame(HEAD, 0, &post(None))],
        ),
        (
            "two exchanges in one lane",
            vec![open(), frame(HEAD, 512, &post(None))],
        ),
        ("the same exchange twice", vec![open(), open()]),
        (
            "a request after the goodbye",
            vec![frame(GOODBYE, 0, &[]), open()],
        ),
        (
            "more than the window of a body",
            [
                vec![open()],
                vec![piece(most); EXCHANGE_WINDOW as usize / most + 1],
            ]
            .concat(),
        ),
        ("more than the window of all bodies together", filled),
        (
            "a window too large for one body",
            vec![open(), window(256, u32::MAX)],
        ),
        ("a window too large for all", vec![window(0, u32::MAX)]),
        (
            "a goodbye of one exchange",
            vec![open(), frame(GOODBYE, 256, &[])],
        ),
    ];
    for (what, frames) in cases {
        let (ended, _) = sent(&frames).await;
        assert!(matches!(ended, Err(Error::Violation(_))), "{what}: {ended:?}");
    }
}

/// As many bodies as fill the window of the connection, each up to its own window, and one byte of another.
fn one_byte_more_than_all_may_have() -> Vec<Vec<u8>> {
    const PIECE: u32 = 8 * 1024;
    let bodies = CONNECTION_WINDOW / EXCHANGE_WINDOW;
    let mut frames = Vec::new();
    for number in 256..256 + bodies {
        frames.push(frame(HEAD, number, &post(None)));
        frames.extend((0..EXCHANGE_WINDOW / PIECE).map(|_| frame(DATA, number, &[0; PIECE as usize])));
    }
    frames.push(frame(HEAD, 256 + bodies, &post(None)));
    frames.push(frame(DATA, 256 + bodies, &[0]));
    frames
}

#[tokio::test]
async fn all_bodies_may_fill_their_windows_to_the_last_byte() {
    let mut filled = one_byte_more_than_all_may_have();
    filled.pop();
    // The exchanges are still open when the client leaves.
    let (ended, _) = sent(&filled).await;
    assert!(matches!(ended, Err(Error::Broken(_))), "{ended:?}");
}

#[tokio::test]
async fn bodies_of_exchanges_that_nobody_knows_are_passed_over_and_their_window_given_back() {
    let most = 16 * 1024 - 8;
    let unknown = vec![frame(DATA, 9, &vec![0; most]); CONNECTION_WINDOW as usize / most * 2];
    let (ended, answer) = sent(&unknown).await;
    assert!(ended.is_ok(), "{ended:?}");
    assert!(answer.starts_with(&frame(WINDOW, 0, &[])[..1]), "{answer:?}");
}

#[tokio::test]
async fn what_is_no_http_ends_the_exchange_alone() {
    let open = |length| frame(HEAD, 256, &post(Some(("content-length", length))));
    let cases: [(&str, Vec<Vec<u8>>); 9] = [
        ("no request", vec![frame(HEAD_AND_END, 256, &[1])]),
        (
            "data after the end",
            vec![frame(HEAD_AND_END, 256, &post(None)), frame(DATA, 256, b"x")],
        ),
        (
            "trailers after the end",
            vec![frame(HEAD_AND_END, 256, &post(None)), frame(TRAILERS, 256, &[0])],
        ),
        (
            "a body longer than announced",
            vec![open("3"), frame(DATA, 256, b"four")],
        ),
        (
            "a body shorter than announced",
            vec![open("3"), frame(DATA_AND_END, 256, b"x")],
        ),
        (
            "trailers before all that was announced",
            vec![open("3"), frame(TRAILERS, 256, &[0])],
        ),
        ("a length that is none", vec![open("3x")]),
        (
            "a body announced and none sent",
            vec![frame(HEAD_AND_END, 256, &post(Some(("content-length", "3"))))],
        ),
        (
            "no trailers",
            vec![frame(HEAD, 256, &post(None)), frame(TRAILERS, 256, &[9])],
        ),
    ];
    for (what, frames) in cases {
        // Another exchange, in another lane, is still served: it hangs until the client is gone.
        let other = frame(HEAD_AND_END, 257, &post(None));
        let (ended, answer) = sent(&[frames, vec![other]].concat()).await;
        assert_eq!(answer, frame(RESET, 256, &[MALFORMED]), "{what}");
        assert!(matches!(ended, Err(Error::Broken(_))), "{what}: {ended:?}");
    }
}

#[tokio::test]
async fn what_comes_late_for_an_exchange_that_is_over_is_passed_over() {
    let late = [
        frame(HEAD, 256, &post(None)),
        frame(RESET, 256, &[CANCELLED]),
        frame(DATA, 256, b"late"),
        frame(TRAILERS, 256, &[0]),
        frame(RESET, 256, &[CANCELLED]),
        frame(WINDOW, 256, &[0, 0, 0, 1]),
    ];
    let (ended, answer) = sent(&late).await;
    assert!(ended.is_ok() && answer.is_empty(), "{ended:?} {answer:?}");
}

#[tokio::test]
async fn who_begins_and_takes_back_without_end_is_refused_while_the_work_goes_on() {
    let working = Cell::new(0);
    let most = Cell::new(0);
    // Work that goes on although nobody waits for it.
    let stubborn = async |exchange: Exchange| {
        working.set(working.get() + 1);
        most.set(most.get().max(working.get()));
        for _ in 0..10 {
            settle().await;
        }
        drop(exchange);
        working.set(working.get() - 1);
    };
    let (near, serving) = alone(stubborn);
    let (mut reading, mut writing) = tokio::io::split(near);
    let flood = async {
        for turn in 1..3000u32 {
            let begun = frame(HEAD_AND_END, turn * 256, &post(None));
            let taken_back = frame(RESET, turn * 256, &[CANCELLED]);
            writing
                .write_all(&[begun, taken_back].concat())
                .await
                .expect("it is read");
        }
        settle().await;
        writing.shutdown().await.expect("it can be closed");
        let mut answer = Vec::new();
        reading.read_to_end(&mut answer).await.expect("what it has sent");
        answer
    };
    let (ended, answer) = join(serving, flood).await;
    assert!(ended.is_ok(), "{ended:?}");
    assert!(most.get() <= 2 * LANES, "{} at once", most.get());
    let refused = frame(RESET, 0, &[REFUSED]).len();
    assert!(answer.len() >= refused && answer.len() % refused == 0 && answer[8] == REFUSED);
}

/// What a client makes of `frames` in the place of an answer to its first request.
async fn answered(frames: &[Vec<u8>]) -> (Result<(), Error>, Result<(), Error>) {
    let (near, far) = duplex(1024 * 1024);
    let (requests, connection) = client::open(near, HEADER_BYTES);
    let (_reading, mut writing) = tokio::io::split(far);
    let answering = async {
        settle().await;
        let _ = writing.write_all(&frames.concat()).await;
        settle().await;
        writing.shutdown().await.expect("it can be closed");
    };
    let calling = async move { get(&requests, "/").await.map(drop) };
    let (called, (ended, ())) = join(calling, join(connection, answering)).await;
    (called, ended)
}

#[tokio::test]
async fn a_client_believes_no_server_everything() {
    let ok = [0, 200, 0];
    let (called, ended) = answered(&[frame(HEAD_AND_END, 256, &ok)]).await;
    assert!(called.is_ok() && ended.is_ok(), "{called:?} {ended:?}");

    let malformed: [Vec<Vec<u8>>; 5] = [
        vec![frame(HEAD, 256, &[0, 100, 0])],
        vec![frame(HEAD, 256, &[0xff, 0xff, 0])],
        vec![frame(DATA, 256, b"before the head")],
        vec![frame(TRAILERS, 256, &[0])],
        vec![frame(HEAD, 256, &ok), frame(HEAD, 256, &ok)],
    ];
    for frames in malformed {
        let (called, _) = answered(&frames).await;
        assert!(
            matches!(called, Err(Error::Reset(Reason::Malformed))),
            "{frames:?}: {called:?}"
        );
    }
    let (called, ended) = answered(&[frame(RESET, 256, &[REFUSED])]).await;
    assert!(called.is_err_and(|error| error.is_refusal()));
    assert!(ended.is_ok());
    // Frames for exchanges that it has not begun are late ones, for all it knows.
    let (called, ended) = answered(&[frame(HEAD_AND_END, 999, &ok), frame(HEAD_AND_END, 256, &ok)]).await;
    assert!(called.is_ok() && ended.is_ok());
    let (called, ended) = answered(&[frame(7, 256, &[])]).await;
    assert!(called.is_err_and(|error| error.is_violation()));
    assert!(ended.is_err_and(|error| error.is_violation()));
}

/// Frames with numbers and payloads that often mean something.
fn frames() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let number = prop::sample::select(vec![0u32, 256, 257, 512, 513, 768]);
    let payload = prop_oneof![
        Just(post(None)),
        Just(post(Some(("content-length", "4")))),
        Just(vec![0, 200, 0]),
        Just(vec![0]),
        Just(vec![0, 0, 1, 0]),
        Just(b"four".to_vec()),
        Just(Vec::new()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    let kind = prop::sample::select(vec![
        HEAD,
        HEAD,
        HEAD_AND_END,
        DATA,
        DATA_AND_END,
        TRAILERS,
        RESET,
        WINDOW,
        GOODBYE,
        7,
        0x83,
    ]);
    let frame = (kind, number, payload).prop_map(|(kind, number, payload)| frame(kind, number, &payload));
    prop::collection::vec(frame, 0..30)
}

proptest! {
    /// Nothing panics, and both end when the peer does.
    #[test]
    fn any_frames_are_dealt_with(frames in frames()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            sent(&frames).await.0.ok();
            answered(&frames).await.1.ok();
            let (mut near, serving) = alone(empty);
            let sending = async {
                let _ = near.write_all(&frames.concat()).await;
                settle().await;
                drop(near);
            };
            join(serving, sending).await.0.ok();
        });
    }
}

#[tokio::test(start_paused = true)]
async fn who_takes_no_answers_has_to_wait_with_further_questions_and_gets_all_answers_in_the_end() {
    const ASKED: u32 = 200_000;
    let (near, far) = duplex(4096);
    let serving = serve(server::open(far, HEADER_BYTES), empty);
    let (mut reading, mut writing) = tokio::io::split(near);
    let asked = Cell::new(0);
    let asking = async {
        for turn in 1..=ASKED {
            // A head of which nothing can be read.
            let malformed = frame(HEAD_AND_END, turn * 256, &[1]);
            writing.write_all(&malformed).await.expect("it is read");
            asked.set(turn);
        }
    };
    let taking = async {
        let mut before = u32::MAX;
        while before != asked.get() {
            before = asked.get();
            settle().await;
        }
        assert!(before < ASKED, "all was read, and all answers held back");
        let mut answers = vec![0; ASKED as usize * frame(RESET, 0, &[0]).len()];
        reading.read_exact(&mut answers).await.expect("all answers");
        assert!(answers.ends_with(&frame(RESET, ASKED * 256, &[MALFORMED])));
    };
    let talking = async {
        tokio::select! {
            ended = serving => unreachable!("the client is there: {ended:?}"),
            _ = join(asking, taking) => {}
        }
    };
    timeout(Duration::from_secs(3600), talking)
        .await
        .expect("nobody waits for ever");
}
