//! Signals to the lab itself.

use rustix::process::Signal;

use crate::family::eventually;
use crate::program::{Running, hallway};
use crate::scratch::Scratch;

#[tokio::test]
async fn an_interrupt_stops_everything() {
    for signal in [Signal::INT, Signal::TERM] {
        let scratch = Scratch::long_haul();
        let lab = run_of(&scratch).await;
        lab.family.is_busy().await;
        lab.signal(signal);
        let said = lab.ended().await.complaint(3);
        insta::allow_duplicates! {
            insta::assert_snapshot!(said, @"
            stopping; once more to stop at once
            error: interrupted; every process that was started has been stopped
            ");
        }
    }
}

#[tokio::test]
async fn an_interrupt_while_processes_start_stops_everything() {
    let scratch = Scratch::long_haul();
    let lab = run_of(&scratch).await;
    // The control plane is the first to start.
    let starting = || (!lab.family.playing("control-plane").is_empty()).then_some(());
    eventually("a control plane", starting).await;
    lab.signal(Signal::INT);
    let said = lab.ended().await.complaint(3);
    assert!(said.contains("error: interrupted"), "{said}");
}

#[tokio::test]
async fn an_interrupt_of_many_runs_is_told_once() {
    let lab = run_of_many("processes").await;
    lab.family.is_busy().await;
    lab.signal(Signal::INT);
    let ended = lab.ended().await;
    assert!(!ended.stdout.contains("checks"), "nothing was graded: {ended:#?}");
    let said = ended.complaint(3);
    assert_eq!(said.matches("error: interrupted").count(), 1, "{said}");
}

#[tokio::test]
async fn a_second_interrupt_does_not_wait_for_anybody() {
    let scratch = Scratch::long_haul();
    let mut lab = run_of(&scratch).await;
    lab.family.is_busy().await;
    // A process that hears no order holds the lab up, until its patience ends.
    let frozen = lab.family.playing("proxy");
    frozen.iter().for_each(|proxy| proxy.signal(Signal::STOP));
    eventually("the lab ends", || {
        lab.signal(Signal::INT);
        lab.has_ended().then_some(())
    })
    .await;
    frozen.iter().for_each(|proxy| proxy.signal(Signal::CONT));
    let family = lab.family.clone();
    let ended = lab.ended_alone().await;
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    family.is_gone().await;
}

#[tokio::test]
async fn nobody_outlives_a_lab_that_is_killed() {
    let scratch = Scratch::long_haul();
    let lab = run_of(&scratch).await;
    lab.family.is_busy().await;
    let family = lab.family.clone();
    assert_eq!(
        family.members().len(),
        6,
        "the lab, a control plane, two sidecars, two services"
    );
    lab.signal(Signal::KILL);
    let ended = lab.ended_alone().await;
    assert_eq!(ended.code, None, "a signal ended it: {ended:#?}");
    family.is_gone().await;
}

#[tokio::test]
async fn an_interrupt_of_simulations_is_told_once() {
    let lab = run_of_many("simulated").await;
    lab.minds(Signal::INT).await;
    lab.signal(Signal::INT);
    let said = lab.ended().await.complaint(3);
    insta::assert_snapshot!(said, @"
    stopping; once more to stop at once
    error: interrupted; every process that was started has been stopped
    ");
}

async fn run_of_many(ground: &str) -> Running {
    hallway([
        "grade",
        "slow-callee",
        "first-two-fail",
        "bad-push",
        "--on",
        ground,
    ])
    .start()
    .await
}

async fn run_of(scratch: &Scratch) -> Running {
    hallway(["run".as_ref(), scratch.scenario().as_os_str()])
        .start()
        .await
}
