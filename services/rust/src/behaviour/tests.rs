use super::*;
use crate::contract::{Capacity, FailFirst, FailShare, IdleClose};

fn random() -> Random {
    Random::derive(1, "behaviour")
}

fn endings(behaviour: &Behaviour, count: usize) -> Vec<Ending> {
    let mut random = random();
    (0..count)
        .map(|number| decide(behaviour, Arrival { attempt: 1, number }, &mut random).ending)
        .collect()
}

#[test]
fn the_default_answers_200_at_once() {
    let behaving = Behaving::new(Behaviour::default(), random()).unwrap();
    let plan = behaving.decide(None);
    let expected = (Duration::ZERO, Ending::Answer, StatusCode::OK);
    assert_eq!((plan.latency, plan.ending, plan.status), expected);
}

#[test]
fn exactly_the_first_attempts_of_a_request_id_fail_until_the_behaviour_changes() {
    let behaviour = Behaviour {
        fail_first: Some(FailFirst {
            attempts: 2,
            status: 503,
        }),
        ..Default::default()
    };
    let behaving = Behaving::new(behaviour.clone(), random()).unwrap();
    let answers = |request_id| behaving.decide(request_id).ending == Ending::Answer;
    assert_eq!([(); 4].map(|()| answers(Some("a"))), [false, false, true, true]);
    assert_eq!(
        [(); 4].map(|()| answers(None)),
        [false; 4],
        "each is the first attempt of its own"
    );
    behaving.replace(behaviour).unwrap();
    assert!(!answers(Some("a")), "a new behaviour counts anew");
}

#[test]
fn faults_decide_in_the_order_of_the_contract() {
    let mut behaviour = Behaviour {
        reset_before: Some(1.0),
        hang: true,
        fail_first: Some(FailFirst {
            attempts: 1,
            status: 501,
        }),
        fail_pattern: Some(FailPattern {
            pattern: "x".to_owned(),
            status: 503,
        }),
        fail_share: Some(FailShare {
            share: 1.0,
            status: 502,
        }),
        reset_after: Some(1.0),
        truncate: Some(1.0),
        ..Default::default()
    };
    let removals: [fn(&mut Behaviour); 7] = [
        |behaviour| behaviour.reset_before = None,
        |behaviour| behaviour.hang = false,
        |behaviour| behaviour.fail_first = None,
        |behaviour| behaviour.fail_pattern = None,
        |behaviour| behaviour.fail_share = None,
        |behaviour| behaviour.reset_after = None,
        |behaviour| behaviour.truncate = None,
    ];
    let mut decided = vec![endings(&behaviour, 1)[0]];
    for remove in removals {
        remove(&mut behaviour);
        decided.push(endings(&behaviour, 1)[0]);
    }
    assert_eq!(
        decided,
        [
            Ending::ResetBefore,
            Ending::Hang,
            Ending::Fail(StatusCode::NOT_IMPLEMENTED),
            Ending::Fail(StatusCode::SERVICE_UNAVAILABLE),
            Ending::Fail(StatusCode::BAD_GATEWAY),
            Ending::ResetAfter,
            Ending::Truncate,
            Ending::Answer,
        ]
    );
}

#[test]
fn a_share_of_zero_never_happens_and_a_share_of_one_always_does() {
    let with_share = |share| Behaviour {
        reset_before: Some(share),
        ..Default::default()
    };
    assert!(
        endings(&with_share(0.0), 1000)
            .iter()
            .all(|ending| *ending != Ending::ResetBefore)
    );
    assert!(
        endings(&with_share(1.0), 1000)
            .iter()
            .all(|ending| *ending == Ending::ResetBefore)
    );
    let resets = endings(&with_share(0.3), 1000)
        .iter()
        .filter(|e| **e == Ending::ResetBefore)
        .count();
    assert!((200..400).contains(&resets), "{resets} of 1000 at a share of 0.3");
}

#[test]
fn a_fault_added_does_not_shift_the_draws_of_the_others_within_a_request() {
    let alone = Behaviour {
        reset_before: Some(0.5),
        ..Default::default()
    };
    let first = endings(&alone, 1);
    let together = Behaviour {
        fail_share: Some(FailShare {
            share: 1.0,
            status: 500,
        }),
        ..alone
    };
    assert_eq!(
        first[0] == Ending::ResetBefore,
        endings(&together, 1)[0] == Ending::ResetBefore
    );
}

#[test]
fn every_request_takes_its_place_in_the_pattern_until_the_behaviour_changes() {
    let behaviour = Behaviour {
        fail_pattern: Some(FailPattern {
            pattern: ".xx".to_owned(),
            status: 503,
        }),
        fail_first: Some(FailFirst {
            attempts: 1,
            status: 500,
        }),
        ..Default::default()
    };
    let behaving = Behaving::new(behaviour.clone(), random()).unwrap();
    let ending = |request_id| behaving.decide(Some(request_id)).ending;
    let [by_count, by_pattern] =
        [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE].map(Ending::Fail);
    let endings = ["a", "a", "b", "a", "a", "b"].map(ending);
    assert_eq!(
        endings,
        [
            by_count,
            by_pattern,
            by_count,
            Ending::Answer,
            by_pattern,
            by_pattern
        ],
        "another fault's request has its place too"
    );
    behaving.decide(Some("a"));
    behaving.replace(behaviour).unwrap();
    behaving.decide(Some("a"));
    assert_eq!(ending("a"), by_pattern, "it begins anew");
}

#[test]
fn a_new_behaviour_has_a_queue_and_a_limit_of_idleness_of_its_own() {
    let behaviour = Behaviour {
        capacity: Some(Capacity {
            at_once: 1,
            queue: 0,
            status: 429,
        }),
        idle_close: Some(IdleClose { ms: 1500.0 }),
        ..Default::default()
    };
    let behaving = Behaving::new(behaviour.clone(), random()).unwrap();
    assert_eq!(behaving.idle_close(), Some(Duration::from_millis(1500)));
    let [one, same] = [(); 2].map(|()| behaving.decide(None).queue.unwrap());
    assert!(Arc::ptr_eq(&one, &same));
    behaving.replace(behaviour).unwrap();
    assert!(!Arc::ptr_eq(&one, &behaving.decide(None).queue.unwrap()));
    behaving.replace(Behaviour::default()).unwrap();
    assert_eq!(behaving.idle_close(), None);
}
