//! Fleet provisioning, at a server that answers as AWS does, or not.

use std::future::Future;

use evenkeel::aws::{
    FleetProvisioning, IssuedCertificate, ProvisionedThing, ProvisioningError, ProvisioningStep,
};
use evenkeel::error::{DeliveryError, SubscribeError};
use evenkeel_codec::Publish;
use serde_json::{Value, json};

use crate::support::*;

const CSR: &str = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\ns3cret\n-----END RSA PRIVATE KEY-----\n";

fn fleet() -> FleetProvisioning {
    FleetProvisioning::new("pumps").unwrap().parameter("SerialNumber", "4711")
}

fn created() -> Value {
    json!({
        "certificateId": "c1d",
        "certificatePem": CERTIFICATE,
        "privateKey": KEY,
        "certificateOwnershipToken": "t0ken",
    })
}

/// Grants both topics of the answer, and takes the request.
async fn take(peer: &mut Peer, topic: &str) -> Publish {
    let subscribe = peer.expect_subscribe().await;
    let filters: Vec<_> = subscribe.filters.iter().map(|one| one.filter.as_str()).collect();
    assert_eq!(filters, [format!("{topic}/accepted"), format!("{topic}/rejected")]);
    peer.send(suback(&subscribe, &[1, 1])).await;
    let request = peer.expect_publish().await;
    assert_eq!((request.topic.as_str(), request.qos), (topic, AtLeastOnce));
    peer.send(puback(request.packet_id, ReasonCode::SUCCESS)).await;
    request
}

/// Answers the next request, and sees the subscriptions end.
async fn answer(peer: &mut Peer, topic: &str, outcome: &str, payload: &str) -> Publish {
    let request = take(peer, topic).await;
    peer.publish(message("$aws/others/accepted", "{}", AtMostOnce, 0)).await;
    peer.publish(message(&format!("{topic}/{outcome}"), payload, AtMostOnce, 0)).await;
    let ended = peer.expect_unsubscribe().await;
    peer.send(unsuback(&ended)).await;
    assert_eq!(
        ended.filters,
        [filter(&format!("{topic}/accepted")), filter(&format!("{topic}/rejected"))]
    );
    request
}

const CREATE: &str = "$aws/certificates/create/json";
const SIGN: &str = "$aws/certificates/create-from-csr/json";
const REGISTER: &str = "$aws/provisioning-templates/pumps/provision/json";

/// What both sides come to.
async fn both<T>(
    work: impl Future<Output = T>,
    server: impl Future<Output = Publish>,
) -> (T, Publish) {
    tokio::join!(work, server)
}

async fn issued(client: &Client, peer: &mut Peer) -> IssuedCertificate {
    let fleet = fleet();
    let payload = created().to_string();
    let (issued, _) =
        both(fleet.create_keys(client), answer(peer, CREATE, "accepted", &payload)).await;
    issued.unwrap()
}

async fn register(
    client: &Client,
    peer: &mut Peer,
    outcome: &str,
    payload: &str,
) -> Result<ProvisionedThing, ProvisioningError> {
    let issued = issued(client, peer).await;
    let fleet = fleet();
    both(fleet.register(client, &issued), answer(peer, REGISTER, outcome, payload)).await.0
}

fn payload(request: &Publish) -> Value {
    serde_json::from_slice(&request.payload).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_device_gets_its_certificate_by_its_claim() {
    let (client, _server, mut peer) = online_v5().await;
    let (fleet, answered) = (fleet(), created().to_string());
    let (issued, request) =
        both(fleet.create_keys(&client), answer(&mut peer, CREATE, "accepted", &answered)).await;
    let issued = issued.unwrap();
    assert_eq!(payload(&request), json!({}));
    assert_eq!(request.properties.message_expiry_interval(), Some(30));
    assert_eq!((issued.id(), issued.certificate()), ("c1d", CERTIFICATE));
    assert_eq!(issued.private_key(), Some(KEY));
    assert!(issued.identity().is_some());

    let answered = json!({ "thingName": "pump-17", "deviceConfiguration": { "site": "7" } });
    let (thing, request) = both(
        fleet.register(&client, &issued),
        answer(&mut peer, REGISTER, "accepted", &answered.to_string()),
    )
    .await;
    let expected = json!({
        "certificateOwnershipToken": "t0ken",
        "parameters": { "SerialNumber": "4711" },
    });
    assert_eq!(payload(&request), expected);
    let thing = thing.unwrap();
    assert_eq!(thing.thing_name(), "pump-17");
    assert_eq!(thing.configuration().get("site").map(String::as_str), Some("7"));
    let shown = format!("{issued:?} {thing:?} {fleet:?}");
    for secret in ["s3cret", "t0ken", "4711"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_may_stay_on_the_device() {
    for version in [Version::V311, Version::V5] {
        let (client, _server, mut peer) = online(version, |builder| builder).await;
        let (fleet, mut answered) = (fleet(), created());
        answered.as_object_mut().unwrap().remove("privateKey");
        let answered = answered.to_string();
        let (issued, request) =
            both(fleet.sign(&client, CSR), answer(&mut peer, SIGN, "accepted", &answered)).await;
        assert_eq!(payload(&request), json!({ "certificateSigningRequest": CSR }));
        let issued = issued.unwrap();
        assert_eq!(issued.certificate(), CERTIFICATE);
        assert!(issued.private_key().is_none() && issued.identity().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_told_in_awss_words() {
    let (client, _server, mut peer) = online_v5().await;
    let rejected = |status: u16| {
        let reason = "Missing parameter SerialNumber";
        json!({ "statusCode": status, "errorCode": "InvalidParameters", "errorMessage": reason })
            .to_string()
    };
    let error = register(&client, &mut peer, "rejected", &rejected(400)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server rejected the request to register the device: 400 InvalidParameters: Missing \
         parameter SerialNumber; check the parameters against those of the template, and its hook"
    );
    assert!(!error.is_uncertain());
    for (status, hint) in [(403, "policy"), (404, "enabled"), (500, "later"), (429, "later")] {
        let error = register(&client, &mut peer, "rejected", &rejected(status)).await.unwrap_err();
        assert!(error.hint().unwrap().contains(hint), "{error}");
    }
    let fleet = fleet();
    let payload = rejected(400);
    let signed =
        both(fleet.sign(&client, CSR), answer(&mut peer, SIGN, "rejected", &payload)).await.0;
    assert!(signed.unwrap_err().hint().unwrap().contains("signing request"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_none_is_told_without_what_it_says() {
    let (client, _server, mut peer) = online_v5().await;
    for (outcome, payload) in [("accepted", "s3cret"), ("accepted", "{}"), ("rejected", "s3cret")] {
        let error = register(&client, &mut peer, outcome, payload).await.unwrap_err();
        let ProvisioningError::Answer { step: ProvisioningStep::Register, .. } = &error else {
            panic!("{error:?}");
        };
        assert!(error.is_uncertain());
        assert!(!format!("{error:#} {error:?}").contains("s3cret"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_ends_with_the_time() {
    let (client, _server, mut peer) = online_v5().await;
    let fleet = fleet().timeout(secs(7));
    let began = tokio::time::Instant::now();
    let (created, request) = both(fleet.create_keys(&client), take(&mut peer, CREATE)).await;
    let after = secs(7);
    let error = created.unwrap_err();
    assert_eq!(error, ProvisioningError::NoAnswer { step: ProvisioningStep::CreateKeys, after });
    assert!(error.is_uncertain() && error.to_string().contains("no answer within 7s"), "{error}");
    assert_eq!(began.elapsed().as_secs(), 7);
    assert_eq!(request.properties.message_expiry_interval(), Some(7));
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_allows_less_is_told() {
    let (client, _server, mut peer) = online_v5().await;
    let fleet = fleet();
    let refuse = async |peer: &mut Peer, codes: &[u8]| {
        let subscribe = peer.expect_subscribe().await;
        peer.send(suback(&subscribe, codes)).await;
    };
    let step = ProvisioningStep::CreateKeys;
    let (all, ()) = tokio::join!(fleet.create_keys(&client), refuse(&mut peer, &[0x87, 0x87]));
    let error = all.unwrap_err();
    let ProvisioningError::Subscribe { error: SubscribeError::Refused(_), .. } = &error else {
        panic!("{error:?}");
    };
    assert!(error.hint().unwrap().contains("policy"), "{error}");
    let (one, ()) = tokio::join!(fleet.create_keys(&client), refuse(&mut peer, &[1, 0x87]));
    let filter = format!("{CREATE}/rejected");
    let code = ReasonCode::NOT_AUTHORIZED;
    assert_eq!(one.unwrap_err(), ProvisioningError::NotGranted { step, filter, code });
    let ended = peer.expect_unsubscribe().await;
    peer.send(unsuback(&ended)).await;
    let serving = async {
        let subscribe = peer.expect_subscribe().await;
        peer.send(suback(&subscribe, &[1, 1])).await;
        let request = peer.expect_publish().await;
        peer.send(puback(request.packet_id, ReasonCode::NOT_AUTHORIZED)).await;
    };
    let (refused, ()) = tokio::join!(fleet.create_keys(&client), serving);
    let error = refused.unwrap_err();
    let ProvisioningError::Delivery { error: DeliveryError::Refused { .. }, .. } = &error else {
        panic!("{error:?}");
    };
}

/// AWS keeps a certificate for an hour.
#[tokio::test(start_paused = true)]
async fn a_certificate_waits_an_hour_and_no_longer() {
    let answered = r#"{"thingName":"pump-17"}"#;
    let (client, _server, mut peer) =
        online(Version::V5, |builder| builder.keep_alive(secs(0))).await;
    let (fresh, old) = (issued(&client, &mut peer).await, issued(&client, &mut peer).await);
    let fleet = fleet();
    tokio::time::sleep(secs(3599)).await;
    let accepted = answer(&mut peer, REGISTER, "accepted", answered);
    assert!(both(fleet.register(&client, &fresh), accepted).await.0.is_ok());
    tokio::time::sleep(secs(1)).await;
    let error = fleet.register(&client, &old).await.unwrap_err();
    assert!(matches!(error, ProvisioningError::TokenExpired { .. }), "{error:?}");
    assert!(error.to_string().contains("waited 60 minutes"), "{error}");
}

#[test]
fn names_of_templates_are_checked() {
    let longest = "t".repeat(36);
    for name in ["a", "Pumps_2-b", &longest] {
        assert!(FleetProvisioning::new(name).is_ok(), "{name}");
    }
    for name in ["", "a/b", "a#", "ä", "a b", &format!("{longest}t")] {
        let error = FleetProvisioning::new(name).unwrap_err();
        assert_eq!(error, ProvisioningError::Template, "{name}");
    }
}
