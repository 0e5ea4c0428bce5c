//! A planted race: a shop that looks whether an item is left, asks for the payment, and only then takes the item away. Two
//! customers who come at almost the same time both get the last one. Most seeds hide that.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hallway_host::Host;
use hallway_simulator::{Fingerprint, Happening, Options, Simulation};
use hallway_world::explore;
use rand::Rng;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

/// The first seed of every search here.
const FIRST: u64 = 1;
/// How many seeds a search may take.
const SEEDS: u64 = 1_000;
/// Customers come within this time, in milliseconds.
const OPENING_HOURS: u64 = 200;

/// When a shop takes the item off its shelf.
#[derive(Clone, Copy)]
enum Takes {
    /// After the payment: the race.
    AfterPayment,
    /// Before it, and puts it back if the payment fails.
    BeforePayment,
}

/// What came of a day.
struct Day {
    /// How often the last item was sold.
    sold: u32,
    fingerprint: Fingerprint,
    /// What the shop did, in order.
    records: Vec<String>,
}

/// Two customers, one item.
fn day(seed: u64, takes: Takes) -> Day {
    let simulation = Simulation::new(Options {
        seed,
        ..Options::default()
    });
    let records = Arc::new(Mutex::new(Vec::new()));
    let written = records.clone();
    simulation.on_event(move |event| {
        if let Happening::Recorded { line, .. } = &event.happening {
            written.lock().expect("nothing panics").push(line.clone());
        }
    });
    let host = |machine: &str| simulation.machine(machine).process("program").host();
    let address = |machine: &str| SocketAddr::from((simulation.machine(machine).address(), 80));
    let (shop, bank) = (address("shop"), address("bank"));
    let sold = simulation.run(async {
        let (shop_host, bank_host) = (host("shop"), host("bank"));
        bank_host.spawn(run_bank(bank_host.clone(), bank));
        shop_host.spawn(run_shop(shop_host.clone(), shop, bank, takes));
        let (one, other) = tokio::join!(buy(host("ann"), shop), buy(host("bob"), shop));
        u32::from(one) + u32::from(other)
    });
    let fingerprint = simulation.fingerprint();
    drop(simulation);
    let records = std::mem::take(&mut *records.lock().expect("nothing panics"));
    Day {
        sold,
        fingerprint,
        records,
    }
}

async fn run_shop(host: Host, address: SocketAddr, bank: SocketAddr, takes: Takes) {
    let mut listener = host.listen(address).await.expect("a free port");
    let left = Arc::new(AtomicU32::new(1));
    loop {
        let (mut customer, _) = listener.accept().await;
        let (host, left) = (host.clone(), left.clone());
        let worker = host.clone();
        worker.spawn(async move {
            let answer = sell(&host, bank, &left, takes).await;
            let _ = customer.write_u8(u8::from(answer)).await;
        });
    }
}

async fn sell(host: &Host, bank: SocketAddr, left: &AtomicU32, takes: Takes) -> bool {
    if left.load(Ordering::Relaxed) == 0 {
        host.record(&json!("sold out"));
        return false;
    }
    host.record(&json!("one left"));
    match takes {
        Takes::AfterPayment => {
            pay(host, bank).await;
            // A shop that counts below zero would give itself away.
            left.store(0, Ordering::Relaxed);
        }
        Takes::BeforePayment => {
            left.store(0, Ordering::Relaxed);
            pay(host, bank).await;
        }
    }
    host.record(&json!("sold"));
    true
}

async fn pay(host: &Host, bank: SocketAddr) {
    let mut stream = host.connect(bank).await.expect("the bank is open");
    stream.read_u8().await.expect("the bank answers");
}

async fn run_bank(host: Host, address: SocketAddr) {
    let mut listener = host.listen(address).await.expect("a free port");
    loop {
        let (mut stream, _) = listener.accept().await;
        let _ = stream.write_u8(1).await;
    }
}

async fn buy(host: Host, shop: SocketAddr) -> bool {
    let arrival = host.random("arrival").next_u64() % OPENING_HOURS;
    sleep(Duration::from_millis(10 + arrival)).await;
    let mut stream = host.connect(shop).await.expect("the shop is open");
    stream.read_u8().await.expect("the shop answers") == 1
}

fn search(threads: usize, takes: Takes) -> Option<u64> {
    let threads = NonZeroUsize::new(threads).expect("some");
    let attempt = |seed| (day(seed, takes).sold > 1).then_some(());
    let found = explore(FIRST..FIRST + SEEDS, threads, attempt, || {});
    found.map(|(seed, ())| seed)
}

#[test]
fn the_search_finds_the_race_and_each_replay_shows_it() {
    let seed = search(2, Takes::AfterPayment).expect("a thousand seeds are enough");
    assert!(seed > FIRST, "a race that the first seed shows needs no search");
    assert_eq!(
        search(3, Takes::AfterPayment),
        Some(seed),
        "by any number of threads"
    );

    let first = day(seed, Takes::AfterPayment);
    for _ in 0..10 {
        let again = day(seed, Takes::AfterPayment);
        assert_eq!(again.sold, 2);
        assert_eq!(again.fingerprint, first.fingerprint);
        // What the replay shows: both looked before either had taken anything.
        assert_eq!(
            again.records,
            [r#""one left""#, r#""one left""#, r#""sold""#, r#""sold""#]
        );
    }
}

#[test]
fn without_the_race_the_search_finds_nothing() {
    assert_eq!(search(2, Takes::BeforePayment), None);
}
