//! How virtual time passes, and what happens when it does not.

use std::net::SocketAddr;
use std::time::Duration;

use hallway_simulator::{Link, Options, Simulation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

fn impatient() -> Simulation {
    Simulation::new(Options {
        polls_per_instant: 1000,
        local: Link {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            ..Link::LOCAL
        },
        ..Options::default()
    })
}

#[test]
fn hours_pass_at_once_and_in_order() {
    let simulation = Simulation::new(Options::default());
    let order = simulation.run(async {
        let mut order = Vec::new();
        let mut hours = tokio::time::interval(Duration::from_secs(3600));
        hours.tick().await;
        let late = sleep(Duration::from_secs(5000));
        tokio::pin!(late);
        while order.len() < 3 {
            tokio::select! {
                _ = hours.tick() => order.push("hour"),
                () = &mut late, if !late.is_elapsed() => order.push("late"),
            }
        }
        order
    });
    assert_eq!(order, ["hour", "late", "hour"]);
    assert_eq!(simulation.elapsed(), Duration::from_secs(7200));
}

#[test]
fn experiments_follow_each_other() {
    let simulation = Simulation::new(Options::default());
    simulation.run(async { sleep(Duration::from_millis(3)).await });
    let start = simulation.run(async { Instant::now() });
    let end = simulation.run(async {
        sleep(Duration::from_millis(4)).await;
        Instant::now()
    });
    assert_eq!(end - start, Duration::from_millis(4));
    assert_eq!(simulation.elapsed(), Duration::from_millis(7));
}

#[test]
#[should_panic(expected = "most of them by busy/loop (")]
fn a_task_that_never_waits_is_named() {
    let simulation = impatient();
    let spinning = simulation.machine("busy").process("loop").host();
    simulation
        .machine("idle")
        .process("bystander")
        .host()
        .spawn(async {});
    spinning.spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    simulation.run(async { sleep(Duration::from_secs(1)).await });
}

#[test]
#[should_panic(expected = "livelock at 0ns")]
fn messages_that_go_round_in_no_time_are_a_livelock() {
    let simulation = impatient();
    let host = simulation.machine("one").process("pong").host();
    let address = SocketAddr::from(([127, 0, 0, 1], 80));
    let server = host.clone();
    host.spawn(async move {
        let mut listener = server.listen(address).await.expect("a free port");
        let (mut stream, _) = listener.accept().await;
        while let Ok(byte) = stream.read_u8().await {
            stream.write_u8(byte).await.expect("an open connection");
        }
    });
    simulation.run(async {
        tokio::task::yield_now().await;
        let mut stream = host.connect(address).await.expect("somebody listens");
        loop {
            stream.write_u8(1).await.expect("an open connection");
            stream.read_u8().await.expect("an answer");
        }
    });
}

#[test]
#[should_panic(expected = "most of them by the experiment itself")]
fn an_experiment_that_never_waits_is_a_livelock() {
    impatient().run(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
#[should_panic(expected = "nothing has run since 2s")]
fn waiting_for_what_never_comes_is_noticed_at_once() {
    let simulation = Simulation::new(Options::default());
    simulation.run(async {
        sleep(Duration::from_secs(2)).await;
        std::future::pending::<()>().await;
    });
}

#[test]
#[should_panic(expected = "the simulation reached its time limit of 60s")]
fn a_simulation_does_not_last_longer_than_its_limit() {
    let simulation = Simulation::new(Options {
        time_limit: Duration::from_secs(60),
        ..Options::default()
    });
    simulation.run(async {
        loop {
            sleep(Duration::from_secs(1)).await;
        }
    });
}

#[test]
#[should_panic(expected = "A Tokio 1.x context was found, but IO is disabled")]
fn a_real_socket_is_out_of_reach() {
    let simulation = Simulation::new(Options::default());
    let real = hallway_host::Host::real_unseeded();
    simulation
        .run(async {
            let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
            real.listen(loopback).await.map(drop)
        })
        .expect("it panics before");
}

#[test]
fn the_seed_decides_what_tokio_leaves_to_chance() {
    let choices = |seed| {
        let simulation = Simulation::new(Options {
            seed,
            ..Options::default()
        });
        simulation.run(async {
            let mut choices = Vec::new();
            for _ in 0..64 {
                choices.push(tokio::select! {
                    () = std::future::ready(()) => true,
                    () = std::future::ready(()) => false,
                });
            }
            choices
        })
    };
    assert_eq!(choices(1), choices(1));
    assert_ne!(choices(1), choices(2));
}
