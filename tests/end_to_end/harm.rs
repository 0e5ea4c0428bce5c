//! Children of the lab that die while traffic flows.

use rustix::process::Signal;

use crate::program::{Ended, hallway, settled};
use crate::scratch::Scratch;

#[tokio::test]
async fn a_killed_sidecar_is_named() {
    let seen = after_killing("proxy").await.quietly(3);
    settled_victim(r"(orders|payments)-1 sidecar", "[one] sidecar").bind(|| {
        insta::assert_snapshot!(seen, @"
        Hallway 0.1.0 · a service-mesh lab · real processes, seed 1

         ! long-haul  traffic that lasts  no result
             lab failed  [one] sidecar: ended by itself (signal: 9 (SIGKILL)); it left no message
             replay: hallway run [scratch]/long-haul --on processes --seed 1

        The lab itself failed, so this run proves nothing. Run it again.
        ");
    });
}

#[tokio::test]
async fn a_killed_control_plane_is_named() {
    let seen = after_killing("control-plane").await.quietly(3);
    settled().bind(|| {
        insta::assert_snapshot!(seen, @"
        Hallway 0.1.0 · a service-mesh lab · real processes, seed 1

         ! long-haul  traffic that lasts  no result
             lab failed  control plane: ended by itself (signal: 9 (SIGKILL)); it left no message
             replay: hallway run [scratch]/long-haul --on processes --seed 1

        The lab itself failed, so this run proves nothing. Run it again.
        ");
    });
}

#[tokio::test]
async fn a_killed_service_is_named() {
    let seen = after_killing("service").await.quietly(3);
    settled_victim(r"(orders|payments)-1:", "[one]:").bind(|| {
        insta::assert_snapshot!(seen, @"
        Hallway 0.1.0 · a service-mesh lab · real processes, seed 1

         ! long-haul  traffic that lasts  no result
             lab failed  [one]: ended by itself (signal: 9 (SIGKILL)); it left no message
             replay: hallway run [scratch]/long-haul --on processes --seed 1

        The lab itself failed, so this run proves nothing. Run it again.
        ");
    });
}

/// What comes of a run after one of those that play `role` was killed.
async fn after_killing(role: &str) -> Ended {
    let scratch = Scratch::long_haul();
    let lab = hallway(["run".as_ref(), scratch.scenario().as_os_str()])
        .start()
        .await;
    lab.family.is_busy().await;
    let victims = lab.family.playing(role);
    victims.first().expect("somebody plays it").signal(Signal::KILL);
    lab.ended().await
}

/// Which of two was hit is not said in the snapshot.
fn settled_victim(victim: &str, word: &str) -> insta::Settings {
    let mut settings = settled();
    settings.add_filter(victim, word);
    settings
}
