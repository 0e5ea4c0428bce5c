//! The load generator and the application against each other, over loopback: right answers count, all others end the load.

use std::net::SocketAddr;
use std::time::Duration;

use hallway_host::Host;
use tokio::time::{Instant, sleep};

use super::application::{self, Application, LARGE, SMALL};
use super::load::{GRPC_PREFIX, Load, Manner, Request, probe, run};
use crate::pairs::ANYWHERE;
use crate::setup::Protocol;

/// An application at a free port, and a small request for it.
async fn application(protocol: Protocol, wants_request_id: bool) -> Request {
    let host = Host::real_unseeded();
    // The application tells its address as a record, which only a process can read; so it is given a port that was free.
    let listener = host.listen(ANYWHERE).await.expect("there is a free port");
    let listen: SocketAddr = listener.local_address().expect("it is bound");
    drop(listener);
    let application = Application {
        listen,
        wants_request_id,
        protocol,
    };
    host.spawn(async move {
        // It serves until the test ends.
        let _ = application::serve(Host::real_unseeded(), application).await;
    });
    let deadline = Instant::now() + Duration::from_secs(10);
    while host.connect(listen).await.is_err() {
        assert!(Instant::now() < deadline, "the application does not listen");
        sleep(Duration::from_millis(5)).await;
    }
    Request {
        target: listen,
        authority: "server".to_owned(),
        path: format!("/route-1/{SMALL}"),
        body: 0,
        answer: SMALL,
        protocol,
        request_id: false,
    }
}

#[tokio::test]
async fn answers_of_all_sizes_and_protocols_are_right() {
    let host = Host::real_unseeded();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let small = application(protocol, false).await;
        let download = Request {
            path: format!("/route-1/{LARGE}"),
            answer: LARGE,
            ..small.clone()
        };
        let upload = Request {
            body: LARGE,
            ..small.clone()
        };
        for request in [small, download, upload] {
            assert_eq!(probe(&host, &request).await, Ok(()), "{request:?}");
        }
    }
    let call = Request {
        body: GRPC_PREFIX,
        answer: GRPC_PREFIX + SMALL,
        ..application(Protocol::Grpc, false).await
    };
    assert_eq!(probe(&host, &call).await, Ok(()));
}

#[tokio::test]
async fn wrong_answers_are_told() {
    let host = Host::real_unseeded();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let request = application(protocol, true).await;
        let refused = "an answer was 400 with 0 bytes instead of 200 with 1024".to_owned();
        assert_eq!(probe(&host, &request).await, Err(refused), "it has no id");
    }
    let request = application(Protocol::Http1, true).await;
    let identified = Request {
        request_id: true,
        ..request
    };
    assert_eq!(probe(&host, &identified).await, Ok(()));
    let longer = Request {
        answer: SMALL + 1,
        ..identified
    };
    let short = "an answer was 200 with 1024 bytes instead of 200 with 1025".to_owned();
    assert_eq!(probe(&host, &longer).await, Err(short));
    let no_grpc = Request {
        protocol: Protocol::Grpc,
        ..application(Protocol::Http2, false).await
    };
    let told = probe(&host, &no_grpc).await.expect_err("there are no trailers");
    assert!(told.contains("grpc-status"), "{told}");
}

#[tokio::test]
async fn a_load_goes_on_for_its_time_and_ends_with_the_first_wrong_answer() {
    let request = application(Protocol::Http1, false).await;
    let manners = [
        Manner::Closed {
            concurrency: 4,
            warm_up: Duration::from_millis(10),
            duration: Duration::from_millis(50),
        },
        Manner::Open {
            rate: 500,
            duration: Duration::from_millis(100),
        },
    ];
    for manner in manners {
        let load = |request: &Request| Load {
            request: request.clone(),
            manner: manner.clone(),
        };
        let host = Host::real_unseeded();
        assert_eq!(run(host.clone(), load(&request)).await, Ok(()), "{manner:?}");
        let wrong = Request {
            answer: 1,
            ..request.clone()
        };
        let told = run(host, load(&wrong)).await.expect_err("no answer has one byte");
        assert!(told.contains("instead of 200 with 1"), "{manner:?}: {told}");
    }
}
