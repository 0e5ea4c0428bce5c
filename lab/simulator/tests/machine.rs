//! What befalls machines and the programs on them.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use hallway_host::{Host, Stream};
use hallway_simulator::{Machine, Options, Process, Simulation, Skew};
use rand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

/// An echo server on one machine, and a client on another.
struct Lab {
    simulation: Simulation,
    near: Machine,
    far: Machine,
    client: Process,
    server: Process,
}

impl Lab {
    fn new() -> Self {
        let simulation = Simulation::new(Options::default());
        let (near, far) = (simulation.machine("near"), simulation.machine("far"));
        let (client, server) = (near.process("client"), far.process("server"));
        Self {
            simulation,
            near,
            far,
            client,
            server,
        }
    }

    fn address(&self) -> SocketAddr {
        (self.far.address(), 80).into()
    }

    fn serve(&self) {
        let (host, address) = (self.server.host(), self.address());
        let task = serve_echo(host.clone(), address);
        host.spawn(task);
    }

    async fn connect(&self) -> std::io::Result<Stream> {
        self.client.host().connect(self.address()).await
    }
}

async fn serve_echo(host: Host, address: SocketAddr) {
    let mut listener = host.listen(address).await.expect("a free port");
    loop {
        let (mut stream, _) = listener.accept().await;
        host.spawn(async move {
            while let Ok(byte) = stream.read_u8().await {
                if stream.write_u8(byte).await.is_err() {
                    break;
                }
            }
        });
    }
}

async fn echo(stream: &mut Stream) -> Result<u8, ErrorKind> {
    stream.write_u8(42).await.map_err(|error| error.kind())?;
    stream.read_u8().await.map_err(|error| error.kind())
}

fn settled() -> impl Future<Output = ()> {
    sleep(Duration::from_millis(5))
}

#[test]
fn a_killed_process_closes_its_connections_and_refuses_new_ones() {
    let lab = Lab::new();
    lab.serve();
    lab.simulation.run(async {
        settled().await;
        let mut stream = lab.connect().await.expect("it serves");
        assert_eq!(echo(&mut stream).await, Ok(42));
        lab.server.kill();
        assert_eq!(stream.read(&mut [0]).await.expect("the kernel says goodbye"), 0);
        let refused = lab.connect().await.err().expect("nobody serves");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_killed_process_resets_connections_with_unread_data() {
    let lab = Lab::new();
    lab.simulation.run(async {
        let mut listener = lab
            .server
            .host()
            .listen(lab.address())
            .await
            .expect("a free port");
        let mut stream = lab.connect().await.expect("it listens");
        let (_held, _) = listener.accept().await;
        stream.write_all(b"unread").await.expect("an open connection");
        settled().await;
        lab.server.kill();
        let error = stream.read_u8().await.expect_err("the kernel resets");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_port_is_handed_over_with_whoever_waits_there() {
    let lab = Lab::new();
    lab.simulation.run(async {
        let port = lab.far.process("init").open(lab.address()).expect("a free port");
        let early = timeout(Duration::from_secs(1), port.called()).await;
        assert!(early.is_err(), "nobody has called yet");
        let mut early = lab.connect().await.expect("the kernel answers");
        let echoed = lab.client.host().spawn(async move {
            assert_eq!(echo(&mut early).await, Ok(42));
        });
        port.called().await;
        lab.server.inherit(port);
        let mut between = lab.connect().await.expect("the kernel answers still");
        lab.serve();
        assert_eq!(echo(&mut between).await, Ok(42));
        echoed.join().await;
        lab.server.kill();
        assert_eq!(between.read(&mut [0]).await.expect("the kernel says goodbye"), 0);
        let refused = lab.connect().await.err().expect("the port went with its process");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_port_that_nobody_inherits_closes_with_its_handle() {
    let lab = Lab::new();
    lab.simulation.run(async {
        let port = lab.far.process("init").open(lab.address()).expect("a free port");
        let mut stream = lab.connect().await.expect("the kernel answers");
        settled().await;
        drop(port);
        let error = stream.read_u8().await.expect_err("the kernel resets");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let refused = lab.connect().await.err().expect("the port is closed");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_killed_process_runs_no_more_and_records_no_more() {
    struct Confession(Host);
    impl Drop for Confession {
        fn drop(&mut self) {
            self.0.record(&"dropped");
        }
    }
    let lab = Lab::new();
    let records = Arc::new(Mutex::new(Vec::new()));
    let sink = records.clone();
    lab.server
        .on_record(move |line| sink.lock().expect("not poisoned").push(line.to_owned()));
    lab.simulation.run(async {
        let host = lab.server.host();
        let confession = Confession(host.clone());
        host.clone().spawn(async move {
            loop {
                confession.0.record(&"alive");
                sleep(Duration::from_secs(1)).await;
            }
        });
        sleep(Duration::from_millis(2500)).await;
        lab.server.kill();
        sleep(Duration::from_secs(10)).await;
        host.spawn(async { unreachable!("a dead program starts nothing") });
        settled().await;
    });
    assert_eq!(*records.lock().expect("not poisoned"), [r#""alive""#; 3]);
}

#[test]
fn a_restarted_process_serves_at_the_same_address() {
    let lab = Lab::new();
    lab.serve();
    lab.simulation.run(async {
        settled().await;
        let mut old = lab.connect().await.expect("it serves");
        assert_eq!(echo(&mut old).await, Ok(42));
        lab.server.restart();
        lab.serve();
        settled().await;
        let mut new = lab.connect().await.expect("it serves again");
        assert_eq!(echo(&mut new).await, Ok(42));
        assert_eq!(echo(&mut old).await, Err(ErrorKind::UnexpectedEof));
    });
}

#[test]
fn a_paused_process_answers_when_it_is_resumed() {
    let lab = Lab::new();
    lab.serve();
    lab.simulation.run(async {
        settled().await;
        lab.server.pause();
        let mut stream = lab.connect().await.expect("the kernel accepts");
        assert!(timeout(Duration::from_secs(60), echo(&mut stream)).await.is_err());
        lab.server.resume();
        assert_eq!(
            stream.read_u8().await.expect("the answer to the first message"),
            42
        );
        assert_eq!(echo(&mut stream).await, Ok(42));
    });
}

#[test]
fn a_paused_process_can_be_killed() {
    let lab = Lab::new();
    lab.serve();
    lab.simulation.run(async {
        settled().await;
        lab.server.pause();
        let mut stream = lab.connect().await.expect("the kernel accepts");
        settled().await;
        lab.server.kill();
        lab.server.resume();
        assert_eq!(
            stream.read_u8().await.map_err(|error| error.kind()),
            Err(ErrorKind::ConnectionReset)
        );
    });
}

#[test]
fn a_lost_machine_is_silent_and_once_booted_it_resets() {
    let lab = Lab::new();
    lab.serve();
    lab.simulation.run(async {
        settled().await;
        let mut stream = lab.connect().await.expect("it serves");
        assert_eq!(echo(&mut stream).await, Ok(42));
        lab.far.lose();
        assert!(
            timeout(Duration::from_secs(60), echo(&mut stream)).await.is_err(),
            "no answer"
        );
        assert!(
            timeout(Duration::from_secs(60), lab.connect()).await.is_err(),
            "no answer"
        );
        lab.far.boot();
        let error = stream.read_u8().await.expect_err("it remembers nothing");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let refused = lab.connect().await.err().expect("nobody serves");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        lab.server.restart();
        lab.serve();
        settled().await;
        assert_eq!(
            echo(&mut lab.connect().await.expect("it serves again")).await,
            Ok(42)
        );
    });
}

#[test]
#[should_panic(expected = "its machine is down; boot it first")]
fn a_process_cannot_start_on_a_machine_that_is_down() {
    let lab = Lab::new();
    lab.far.lose();
    lab.server.restart();
}

#[test]
fn wall_clocks_advance_with_virtual_time_and_their_skew() {
    let lab = Lab::new();
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    let host = lab.client.host();
    assert_eq!(host.wall_clock(), start);
    lab.simulation
        .run(async { sleep(Duration::from_secs(7200)).await });
    assert_eq!(host.wall_clock(), start + Duration::from_secs(7200));
    lab.near.set_clock(Skew::Behind(Duration::from_secs(3600)));
    assert_eq!(host.wall_clock(), start + Duration::from_secs(3600));
    lab.near.set_clock(Skew::Ahead(Duration::from_secs(60)));
    assert_eq!(lab.near.wall_clock(), start + Duration::from_secs(7260));
    assert_eq!(lab.server.host().wall_clock(), start + Duration::from_secs(7200));
}

#[test]
fn random_streams_depend_on_seed_process_life_and_label() {
    let draw = |seed, process: &str, restarts, label: &str| {
        let simulation = Simulation::new(Options {
            seed,
            ..Options::default()
        });
        let process = simulation.machine("one").process(process);
        for _ in 0..restarts {
            process.restart();
        }
        process.host().random(label).next_u64()
    };
    let first = draw(1, "a", 0, "retries");
    assert_eq!(first, draw(1, "a", 0, "retries"));
    let others = [
        draw(2, "a", 0, "retries"),
        draw(1, "b", 0, "retries"),
        draw(1, "a", 1, "retries"),
        draw(1, "a", 0, "balancer"),
    ];
    assert!(!others.contains(&first));
}

#[test]
#[should_panic(expected = "a bug in a background task")]
fn a_panic_in_a_task_ends_the_simulation() {
    let lab = Lab::new();
    lab.simulation.run(async {
        lab.server
            .host()
            .spawn(async { panic!("a bug in a background task") });
        sleep(Duration::from_secs(1)).await;
    });
}

#[test]
fn everything_is_dropped_with_the_simulation() {
    struct Guard(Arc<AtomicUsize>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let guard = || Guard(dropped.clone());
    let lab = Lab::new();
    lab.serve();
    let (in_task, in_event, in_segment, in_record) = (guard(), guard(), guard(), guard());
    lab.simulation
        .on_event(move |_| assert_eq!(in_event.0.load(Ordering::Relaxed), 0));
    lab.simulation
        .network()
        .on_segment(move |_| assert_eq!(in_segment.0.load(Ordering::Relaxed), 0));
    lab.server
        .on_record(move |_| assert_eq!(in_record.0.load(Ordering::Relaxed), 0));
    let host = lab.client.host();
    lab.simulation.run(async {
        settled().await;
        let stream = lab.connect().await.expect("it serves");
        host.clone().spawn(async move {
            let _kept = (host, stream, in_task);
            std::future::pending().await
        });
        settled().await;
    });
    drop(lab);
    assert_eq!(dropped.load(Ordering::Relaxed), 4);
}
