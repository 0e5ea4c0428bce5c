//! Real handshakes over in-memory connections: who is let in, and for which reason the others are not.

mod forge;
mod support;

use std::time::Duration;

use hallway_host::Host;
use hallway_identity::{
    Authority, Bundle, ClientAuthentication, HandshakeFailure, KeyPair, Refuser, Svid, SvidStore, Validity,
    Versions, client_config, server_config,
};
use hallway_model::telemetry::RefusalReason;
use support::{
    HOUR, Outcome, authority, by_us, domain, handshake, host, identity, in_date, raw_handshake, start, store,
};

/// A client with `client` calls a server with `server`, and expects `payments`.
async fn call(client: &SvidStore, server: &SvidStore) -> Outcome {
    let host = host();
    handshake(
        client_config(
            &host,
            client,
            identity("hallway.test", "payments"),
            Versions::Http1,
        ),
        server_config(&host, server, ClientAuthentication::Required, Versions::Http1),
    )
    .await
}

/// Presents `svid` to an honest server.
async fn present(authority: &Authority, svid: Svid) -> Outcome {
    let client = SvidStore::new(svid, &authority.bundle());
    call(&client, &store(authority, "payments")).await
}

#[tokio::test]
async fn both_sides_learn_who_the_other_is() {
    let authority = authority("hallway.test");
    let outcome = call(&store(&authority, "orders"), &store(&authority, "payments")).await;
    let client_saw = outcome.client.expect("the client is content");
    let server_saw = outcome.server.expect("the server is content");
    assert_eq!(client_saw.identity, identity("hallway.test", "payments"));
    assert_eq!(server_saw.identity, identity("hallway.test", "orders"));
    assert_eq!(server_saw.not_after, start() + HOUR);
    assert_eq!(server_saw.serial.len(), 32);
}

#[tokio::test]
async fn an_expired_certificate_is_refused_and_the_client_hears_it_with_its_first_read() {
    let authority = authority("hallway.test");
    let expired = Validity::starting(start() - 2 * HOUR, HOUR);
    let svid = authority
        .mint(&identity("hallway.test", "orders"), expired)
        .expect("an SVID");
    let outcome = present(&authority, svid).await;
    assert_eq!(outcome.server_refusal(), by_us(RefusalReason::Expired));
    assert_eq!(outcome.client_refusal(), (Refuser::Peer, RefusalReason::Expired));
}

#[tokio::test]
async fn a_certificate_from_the_future_is_refused() {
    let authority = authority("hallway.test");
    let later = Validity::starting(start() + HOUR, HOUR);
    let svid = authority
        .mint(&identity("hallway.test", "orders"), later)
        .expect("an SVID");
    assert_eq!(
        present(&authority, svid).await.server_refusal(),
        by_us(RefusalReason::NotYetValid)
    );
}

#[tokio::test]
async fn a_clock_that_is_a_little_behind_is_forgiven() {
    let authority = authority("hallway.test");
    let ahead = Validity::starting(start() + Duration::from_secs(9), HOUR);
    let svid = authority
        .mint(&identity("hallway.test", "orders"), ahead)
        .expect("an SVID");
    assert!(present(&authority, svid).await.server.is_ok());
}

#[tokio::test]
async fn a_foreign_root_is_an_unknown_issuer_whatever_it_claims() {
    let honest = authority("hallway.test");
    for claimed in ["evil.test", "hallway.test"] {
        let foreign = authority(claimed);
        let svid = foreign
            .mint(&identity(claimed, "orders"), in_date())
            .expect("an SVID");
        let outcome = present(&honest, svid).await;
        assert_eq!(
            outcome.server_refusal(),
            by_us(RefusalReason::UnknownIssuer),
            "{claimed}"
        );
        assert_eq!(
            outcome.client_refusal(),
            (Refuser::Peer, RefusalReason::UnknownIssuer),
            "{claimed}"
        );
    }
}

#[tokio::test]
async fn a_client_refuses_a_server_of_a_foreign_root() {
    let honest = authority("hallway.test");
    let foreign = authority("hallway.test");
    let outcome = call(&store(&honest, "orders"), &store(&foreign, "payments")).await;
    assert_eq!(outcome.client_refusal(), by_us(RefusalReason::UnknownIssuer));
    assert_eq!(
        outcome.server_refusal(),
        (Refuser::Peer, RefusalReason::UnknownIssuer)
    );
}

#[tokio::test]
async fn a_federated_root_vouches_for_its_own_trust_domain_only() {
    let honest = authority("hallway.test");
    let partner = authority("partner.test");
    let mut both = honest.bundle();
    both.add(partner.bundle());
    let server = SvidStore::new(
        honest
            .mint(&identity("hallway.test", "payments"), in_date())
            .expect("an SVID"),
        &both,
    );

    let own = SvidStore::new(
        partner
            .mint(&identity("partner.test", "orders"), in_date())
            .expect("an SVID"),
        &both,
    );
    let seen = call(&own, &server).await.server.expect("the partner is let in");
    assert_eq!(seen.identity, identity("partner.test", "orders"));

    let borrowed = forge::mint_with_uris(&partner, &["spiffe://hallway.test/ns/shop/sa/orders"]);
    let outcome = call(&SvidStore::new(borrowed, &both), &server).await;
    assert_eq!(outcome.server_refusal(), by_us(RefusalReason::InvalidIdentity));
    assert!(
        outcome
            .server_detail()
            .contains("vouched for by the root of `partner.test`")
    );
}

#[tokio::test]
async fn a_certificate_without_exactly_one_spiffe_id_proves_nothing() {
    let authority = authority("hallway.test");
    let orders = "spiffe://hallway.test/ns/shop/sa/orders";
    let payments = "spiffe://hallway.test/ns/shop/sa/payments";
    for uris in [&[orders, payments][..], &["https://hallway.test/orders"], &[]] {
        // A store would not take such an SVID, so the certificate is presented by hand.
        let (chain, key) = forge::chain_with_uris(&authority, uris);
        let outcome = raw_handshake(chain, key, &store(&authority, "payments")).await;
        assert_eq!(
            outcome.server_refusal(),
            by_us(RefusalReason::InvalidIdentity),
            "{uris:?}"
        );
    }
}

#[tokio::test]
async fn a_root_cannot_be_used_as_a_workload() {
    let authority = authority("hallway.test");
    let (chain, key) = forge::signing_chain(&authority, "spiffe://hallway.test/ns/shop/sa/orders");
    let outcome = raw_handshake(chain, key, &store(&authority, "payments")).await;
    assert_eq!(outcome.server_refusal(), by_us(RefusalReason::InvalidIdentity));
    assert!(outcome.server_detail().contains("may sign others"));
}

#[tokio::test]
async fn no_certificate_is_refused_unless_it_is_optional() {
    let host = host();
    let authority = authority("hallway.test");
    let client = SvidStore::anonymous(&authority.bundle());
    let server = store(&authority, "payments");
    let outcome = call(&client, &server).await;
    assert_eq!(outcome.server_refusal(), by_us(RefusalReason::NoCertificate));
    assert_eq!(
        outcome.client_refusal(),
        (Refuser::Peer, RefusalReason::NoCertificate)
    );

    let outcome = handshake(
        client_config(
            &host,
            &client,
            identity("hallway.test", "payments"),
            Versions::Http1,
        ),
        server_config(&host, &server, ClientAuthentication::Optional, Versions::Http1),
    )
    .await;
    assert!(outcome.client.is_ok());
    assert_eq!(outcome.anonymous, Some(true));
}

#[tokio::test]
async fn a_server_that_is_somebody_else_is_refused() {
    let authority = authority("hallway.test");
    let outcome = call(&store(&authority, "orders"), &store(&authority, "marketing")).await;
    assert_eq!(outcome.client_refusal(), by_us(RefusalReason::UnexpectedIdentity));
    assert_eq!(
        outcome.client_detail(),
        "expected `spiffe://hallway.test/ns/shop/sa/payments`, and the peer proved to be \
         `spiffe://hallway.test/ns/shop/sa/marketing`"
    );
}

#[tokio::test]
async fn plaintext_and_tls_1_2_are_refused() {
    let authority = authority("hallway.test");
    let server = store(&authority, "payments");
    let plaintext = support::send_raw(b"GET / HTTP/1.1\r\nhost: payments\r\n\r\n", &server).await;
    assert_eq!(plaintext.reason, RefusalReason::Plaintext);
    let old = support::send_raw(&support::tls_1_2_client_hello(), &server).await;
    assert_eq!(old.reason, RefusalReason::HandshakeFailed);
    assert!(
        old.detail.contains("SupportedVersionsExtensionRequired"),
        "{}",
        old.detail
    );
}

#[tokio::test]
async fn a_rotation_takes_effect_with_the_next_handshake() {
    let authority = authority("hallway.test");
    let (client, server) = (store(&authority, "orders"), store(&authority, "payments"));
    let host = host();
    let client_tls = client_config(
        &host,
        &client,
        identity("hallway.test", "payments"),
        Versions::Http1,
    );
    let server_tls = server_config(&host, &server, ClientAuthentication::Required, Versions::Http1);
    let before = handshake(client_tls.clone(), server_tls.clone()).await;

    let svid = authority
        .mint(&identity("hallway.test", "orders"), in_date())
        .expect("an SVID");
    let serial = svid.serial().to_owned();
    client.rotate(svid, &authority.bundle());
    let after = handshake(client_tls.clone(), server_tls.clone()).await;
    assert_ne!(before.server.expect("served").serial, serial);
    assert_eq!(after.server.expect("served").serial, serial);

    // The trust bundle rotates too: the old root is no longer believed.
    let other = support::authority("hallway.test");
    let svid = other
        .mint(&identity("hallway.test", "payments"), in_date())
        .expect("an SVID");
    server.rotate(svid, &other.bundle());
    let outcome = handshake(client_tls, server_tls).await;
    assert_eq!(outcome.client_refusal(), by_us(RefusalReason::UnknownIssuer));
}

#[tokio::test]
async fn an_expired_certificate_does_not_live_on_in_a_resumed_session() {
    let clock = support::Clock::at(start());
    let host = Host::Virtual(clock.clone());
    let authority = authority("hallway.test");
    let client = client_config(
        &host,
        &store(&authority, "orders"),
        identity("hallway.test", "payments"),
        Versions::Http1,
    );
    let server = server_config(
        &host,
        &store(&authority, "payments"),
        ClientAuthentication::Required,
        Versions::Http1,
    );
    for _ in 0..2 {
        let outcome = handshake(client.clone(), server.clone()).await;
        assert_eq!(outcome.resumed, Some(false));
        assert_eq!(outcome.alpn.as_deref(), Some(&b"http/1.1"[..]));
    }
    clock.set(start() + HOUR + Duration::from_secs(1));
    let outcome = handshake(client, server).await;
    assert_eq!(outcome.client_refusal(), by_us(RefusalReason::Expired));
}

#[test]
fn an_authority_can_start_again() {
    let first = authority("hallway.test");
    let again = Authority::from_pem(&host(), first.root_pem(), &first.key_pem()).expect("the same authority");
    assert_eq!(again.bundle(), first.bundle());
    assert_eq!(again.trust_domain(), &domain("hallway.test"));
    let other = authority("hallway.test");
    let error = Authority::from_pem(&host(), first.root_pem(), &other.key_pem()).expect_err("another key");
    assert!(error.to_string().contains("issued for another key"), "{error}");
}

#[test]
fn an_authority_believes_no_name_in_a_request_and_no_bad_signature() {
    let authority = authority("hallway.test");
    let orders = identity("hallway.test", "orders");
    let (request, key) = forge::request_with_uri("spiffe://hallway.test/ns/shop/sa/payments");
    let issued = authority
        .issue(&request, &orders, in_date())
        .expect("a certificate");
    assert_eq!(forge::identity_in(&issued.chain), orders);

    let tampered = forge::with_another_key(&key);
    let error = authority
        .issue(&tampered, &orders, in_date())
        .expect_err("no possession proven");
    assert!(
        error.to_string().contains("signing request was refused"),
        "{error}"
    );
    assert!(authority.issue("no PEM", &orders, in_date()).is_err());
    assert!(
        authority
            .issue(&request, &identity("evil.test", "orders"), in_date())
            .is_err()
    );
}

#[test]
fn keys_stay_secret() {
    let authority = authority("hallway.test");
    let svid = authority
        .mint(&identity("hallway.test", "orders"), in_date())
        .expect("an SVID");
    assert!(!format!("{svid:?}").contains("key"));
    assert_eq!(format!("{:?}", KeyPair::generate()), "KeyPair(…)");
    assert_eq!(format!("{authority:?}"), "Authority(hallway.test)");
}

#[test]
fn an_svid_fits_its_key() {
    let authority = authority("hallway.test");
    let key = KeyPair::generate();
    let issued = authority
        .issue(
            &key.signing_request(),
            &identity("hallway.test", "orders"),
            in_date(),
        )
        .expect("a certificate");
    let svid = Svid::new(&issued.chain, &key).expect("they belong together");
    assert_eq!(svid.serial(), issued.serial);
    let error = Svid::new(&issued.chain, &KeyPair::generate()).expect_err("another key");
    assert!(error.to_string().contains("another key"), "{error}");
}

#[test]
fn a_bundle_keeps_its_roots_through_text_and_takes_no_leaf() {
    let mut bundle = authority("hallway.test").bundle();
    bundle.add(authority("partner.test").bundle());
    let read = Bundle::from_pem(bundle.to_pem()).expect("its own text");
    assert_eq!(read, bundle);
    assert_eq!(
        read.trust_domains().map(ToString::to_string).collect::<Vec<_>>(),
        ["hallway.test", "partner.test"]
    );

    let leaf = authority("hallway.test")
        .issue(
            &KeyPair::generate().signing_request(),
            &identity("hallway.test", "orders"),
            in_date(),
        )
        .expect("a certificate");
    assert!(Bundle::from_pem(&leaf.chain).is_err());
    assert!(Bundle::from_pem("").is_err());
}

#[test]
fn a_connection_that_ends_is_no_verdict_of_tls() {
    let closed = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    assert_eq!(HandshakeFailure::from_io(&closed), None);
    assert_eq!(
        HandshakeFailure::of_handshake(&closed).reason,
        RefusalReason::HandshakeFailed
    );
}
