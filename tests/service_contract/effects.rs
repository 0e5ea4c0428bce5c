//! C36, and C23 for effects: what requests leave behind.

use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use hallway_service::contract::{
    Answer, Behaviour, Effect, EffectRule, EffectSeen, FailShare, Latency, Outcome, Record,
};
use tokio::time::sleep;

use crate::service::{Service, bootstrap, calling, effects, finished, received};
use crate::subject::Subject;
use crate::upstream::{Upstream, answer};
use crate::wire::{Connection, Reply, send};
use crate::{Failure, Verdict, ensure, equal};

fn with_effects(once_per_key: bool) -> Behaviour {
    Behaviour {
        effect: Some(EffectRule { once_per_key }),
        ..Default::default()
    }
}

fn seen(reply: &Reply) -> Result<Option<EffectSeen>, Failure> {
    Ok(reply.json::<Answer>()?.effect)
}

/// The effect of a POST with this key.
async fn charge(service: &Service, key: &str) -> Result<Option<EffectSeen>, Failure> {
    seen(&service.post("/charge", &[("idempotency-key", key)]).await?)
}

fn effect_of(number: u64, key: Option<&str>, repeated: bool) -> Option<EffectSeen> {
    Some(EffectSeen {
        number,
        key: key.map(str::to_owned),
        repeated,
    })
}

pub(crate) async fn effect(subject: &Subject) -> Verdict {
    once_per_key_or_every_time(subject).await?;
    only_changes_that_succeed(subject).await?;
    however_requests_interleave(subject).await
}

async fn once_per_key_or_every_time(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &bootstrap(subject)).await?;
    equal(
        "the effect where there are none",
        charge(&service, "a").await?,
        None,
    )?;
    service.behave(&with_effects(true)).await?;
    equal(
        "the first effect",
        charge(&service, "a").await?,
        effect_of(1, Some("a"), false),
    )?;
    equal(
        "the same key",
        charge(&service, "a").await?,
        effect_of(1, Some("a"), true),
    )?;
    equal(
        "another key",
        charge(&service, "b").await?,
        effect_of(2, Some("b"), false),
    )?;
    for number in [3, 4] {
        let keyless = seen(&service.post("/", &[]).await?)?;
        equal("an effect without a key", keyless, effect_of(number, None, false))?;
    }
    service.behave(&with_effects(false)).await?;
    equal(
        "every time",
        charge(&service, "a").await?,
        effect_of(5, Some("a"), false),
    )?;
    equal(
        "a new key",
        charge(&service, "c").await?,
        effect_of(6, Some("c"), false),
    )?;
    service.behave(&Behaviour::default()).await?;
    service.behave(&with_effects(true)).await?;
    let remembered = charge(&service, "c").await?;
    equal(
        "a key from before the change",
        remembered,
        effect_of(6, Some("c"), true),
    )?;

    let records = service
        .records_when(|records| finished(records).len() >= 9)
        .await?;
    let written: Vec<_> = effects(&records)
        .into_iter()
        .map(|effect| (effect.handling, effect.number, effect.key))
        .collect();
    let key = |key: &str| Some(key.to_owned());
    equal(
        "the effects in the ledger",
        written,
        [
            (2, 1, key("a")),
            (4, 2, key("b")),
            (5, 3, None),
            (6, 4, None),
            (7, 5, key("a")),
            (8, 6, key("c")),
        ],
    )?;
    ensure(stand_between_their_requests(&records), || {
        format!("an effect stands outside its request: {records:?}")
    })
}

/// Whether each effect comes after its request was received, and before it was finished.
fn stand_between_their_requests(records: &[Record]) -> bool {
    let place = |found: &dyn Fn(&Record) -> bool| records.iter().position(found);
    effects(records).iter().all(|effect| {
        let begin =
            place(&|record| matches!(record, Record::Received(one) if one.handling == effect.handling));
        let there = place(&|record| matches!(record, Record::Effect(one) if one == effect));
        let end = place(&|record| matches!(record, Record::Finished(one) if one.handling == effect.handling));
        begin < there && (end.is_none() || there < end)
    })
}

async fn only_changes_that_succeed(subject: &Subject) -> Verdict {
    let upstream = Upstream::start(subject, |_| answer(503, "")).await?;
    let service = Service::start(subject, &bootstrap(subject)).await?;
    service.behave(&with_effects(false)).await?;
    let mut expected = 0;
    for (method, has_effect) in [
        ("POST", true),
        ("PUT", true),
        ("PATCH", true),
        ("DELETE", true),
        ("GET", false),
        ("OPTIONS", false),
        ("PROPFIND", false),
    ] {
        let reply = send(&service.application, method, "/", &[("idempotency-key", "k")], "").await?;
        expected += u64::from(has_effect);
        let effect = has_effect
            .then(|| effect_of(expected, Some("k"), false))
            .flatten();
        equal(&format!("the effect of {method}"), seen(&reply)?, effect)?;
    }
    let not_found = Behaviour {
        status: Some(404),
        ..with_effects(false)
    };
    let failing = Behaviour {
        fail_share: Some(FailShare {
            share: 1.0,
            status: 200,
        }),
        ..with_effects(false)
    };
    for behaviour in [not_found, failing] {
        service.behave(&behaviour).await?;
        equal(
            &format!("the effect under {behaviour:?}"),
            charge(&service, "k").await?,
            None,
        )?;
    }
    for (behaviour, outcome) in [
        (
            Behaviour {
                reset_after: Some(1.0),
                ..with_effects(false)
            },
            Outcome::ResetAfter,
        ),
        (
            Behaviour {
                truncate: Some(1.0),
                ..with_effects(false)
            },
            Outcome::Truncated,
        ),
    ] {
        service.behave(&behaviour).await?;
        let reply = service.post("/", &[]).await;
        ensure(reply.is_err(), || format!("{outcome:?} got {reply:?}"))?;
        expected += 1;
        let records = service
            .records_when(|records| finished(records).last().is_some_and(|end| end.outcome == outcome))
            .await?;
        let last = effects(&records).last().map(|effect| effect.number);
        equal(
            "the effect of an answer that does not arrive",
            last,
            Some(expected),
        )?;
    }

    let relaying = Service::start(subject, &calling(subject, upstream.address, &["http://ledger/"])).await?;
    relaying.behave(&with_effects(false)).await?;
    equal(
        "the effect when a call fails",
        charge(&relaying, "k").await?,
        None,
    )
}

async fn however_requests_interleave(subject: &Subject) -> Verdict {
    let slow = Behaviour {
        latency: Some(Latency::Fixed { ms: 50.0 }),
        ..with_effects(true)
    };
    let service = Service::behaving(subject, slow).await?;
    let at_once = try_join_all((0..100).map(|number| {
        let key = ["a", "b"][number % 2];
        charge(&service, key)
    }));
    let seen: Vec<_> = at_once.await?.into_iter().flatten().collect();
    let new = seen.iter().filter(|effect| !effect.repeated).count();
    equal(
        "effects of a hundred requests with two keys",
        (new, seen.len()),
        (2, 100),
    )?;
    let records = service
        .records_when(|records| finished(records).len() >= 100)
        .await?;
    let written = effects(&records);
    equal("effects in the ledger", written.len(), 2)?;
    for effect in &seen {
        let same = |one: &Effect| one.key == effect.key && one.number == effect.number;
        ensure(written.iter().any(same), || {
            format!("{effect:?} is not in the ledger {written:?}")
        })?;
    }
    Ok(())
}

/// C23 under load: whatever a caller was told is in the output of a process that was killed.
pub(crate) async fn none_is_lost(subject: &Subject) -> Verdict {
    let mut service = Service::behaving(subject, with_effects(true)).await?;
    let application = &service.application;
    let caller = async |caller: usize| -> Vec<(String, EffectSeen)> {
        let mut told = Vec::new();
        let Ok(mut connection) = Connection::open(application).await else {
            return told;
        };
        for number in 0.. {
            let id = format!("{caller}-{number}");
            let headers = [("x-request-id", &*id), ("idempotency-key", &*id)];
            let Ok(reply) = connection.send("POST", "/", &headers, "").await else {
                break;
            };
            if let Ok(Some(effect)) = seen(&reply) {
                told.push((id, effect));
            }
        }
        told
    };
    let killing = async {
        service.received(200).await?;
        sleep(Duration::from_millis(50)).await;
        service.kill()
    };
    let (told, killed) = tokio::join!(join_all((0..8).map(caller)), killing);
    killed?;
    let (_, records) = service.ended(Duration::from_secs(5)).await?;
    let (received, written) = (received(&records), effects(&records));
    let told: Vec<_> = told.into_iter().flatten().collect();
    ensure(told.len() >= 100, || {
        format!("only {} were told of effects", told.len())
    })?;
    for (id, effect) in told {
        let handling = received
            .iter()
            .find(|request| request.request_id.as_deref() == Some(&*id))
            .map(|request| request.handling);
        let has_record = written.iter().any(|one| {
            Some(one.handling) == handling && one.number == effect.number && one.key.as_deref() == Some(&*id)
        });
        ensure(has_record, || format!("{effect:?} has no record"))?;
        let is_finished = finished(&records)
            .iter()
            .any(|end| Some(end.handling) == handling);
        ensure(is_finished, || format!("the answer to {id} has no record"))?;
    }
    ensure(stand_between_their_requests(&records), || {
        "an effect stands outside its request".to_owned()
    })
}
