//! Requests of the HTTP API about which somebody outside is asked.

use std::time::Duration;

use evenkeel_aws::gate::{CertificateId, CertificateStatus};
use evenkeel_broker::ConnectionId;
use evenkeel_broker::core::{ADMISSION_TIMEOUT, HttpResponse, Question};
use serde_json::{Value, json};

use crate::authorizer::{SETTINGS, yes};
use crate::http::{request, tls};
use crate::world::*;

/// A request to publish that waits for its authorizer, and the question about it.
fn asked(world: &mut World, id: ConnectionId) -> Question {
    let headers = [("x-amz-customauthorizer-name", "Fleet"), ("tok", "t0ken")];
    let request = request("POST", "/topics/site/7?qos=1", &headers, b"{}");
    assert_eq!(world.core.http(world.now, id, &request), None, "it waits");
    let question = world.core.next_question().expect("a question");
    assert_eq!((question.id, question.whom.as_str()), (id, "Fleet"));
    question
}

fn open(world: &mut World, der: &[u8]) -> ConnectionId {
    world.core.open(world.now, tls(der, Some("localhost"), None, None))
}

fn answer(world: &mut World, id: ConnectionId, answer: Result<&str, &str>) -> Option<HttpResponse> {
    assert_eq!(world.core.take_response(id), None, "not before its answer");
    world.core.answer(world.now, id, answer);
    world.deliver();
    let response = world.core.take_response(id);
    assert_eq!(world.core.take_response(id), None, "once");
    response
}

fn message(response: &HttpResponse) -> Value {
    serde_json::from_slice::<Value>(&response.body).unwrap()["message"].take()
}

fn world() -> World {
    Setup::new(&format!("{OPEN}{SETTINGS}")).world()
}

#[test]
fn a_request_waits_and_is_done_once_its_authorizer_allows_it() {
    let mut world = world();
    let listener = world.connect("listener");
    world.subscribe(listener, "site/#");
    let id = open(&mut world, &[]);
    for _ in 0..2 {
        let mut event = asked(&mut world, id).content;
        assert_eq!(event["protocols"], json!(["tls", "http"]));
        assert_eq!(event["protocolData"]["http"]["headers"]["tok"], "t0ken");
        assert_eq!(event["protocolData"]["http"]["queryString"], "?qos=1");
        assert_eq!(event["protocolData"].get("mqtt"), None);
        assert_eq!(event["connectionMetadata"]["id"].take().as_str().map(str::len), Some(36));
        assert_eq!(world.messages(listener), [], "nothing is done before");
        // Nobody is asked twice, and others are served.
        world.wait(Duration::from_secs(1));
        assert!(!world.core.has_question());
        let peer = world.connect("other");
        world.cut(peer);

        let response = answer(&mut world, id, Ok(&yes("iot:Publish", 300))).expect("an answer");
        assert_eq!((response.status, message(&response)), (200, json!("OK")));
        assert_eq!(world.messages(listener).len(), 1);
    }
    world.wait(Duration::from_secs(1000));
    assert!(!world.core.has_question(), "a request that is over is not asked about again");
    let told = world.told().join("\n");
    assert!(!told.contains("t0ken"), "{told}");
}

#[test]
fn who_may_not_is_refused_and_the_operator_learns_why() {
    let mut world = world();
    let listener = world.connect("listener");
    world.subscribe(listener, "site/#");
    let other = yes("iot:Subscribe", 300);
    for (text, why) in [
        (Ok(other.as_str()), "no policy allows iot:Publish on topic/site/7"),
        (Ok(r#"{"isAuthenticated": false}"#), "the authorizer has said no"),
        (Ok("{"), "has failed: its answer: no JSON"),
        (Err("it took longer than 5 s"), "has failed: it took longer than 5 s"),
    ] {
        let id = open(&mut world, &[]);
        asked(&mut world, id);
        let response = answer(&mut world, id, text).expect("an answer");
        assert_eq!((response.status, message(&response)), (403, json!("Forbidden")), "{why}");
        let told = world.told().join("\n");
        assert!(told.contains(why), "{why}: {told}");
        world.core.closed(world.now, id);
    }
    assert_eq!(world.messages(listener), []);
}

#[test]
fn a_request_waits_so_long_and_no_longer() {
    let mut world = world();
    let id = open(&mut world, &[]);
    asked(&mut world, id);
    world.wait(ADMISSION_TIMEOUT.checked_sub(Duration::from_micros(1)).unwrap());
    assert_eq!(world.core.take_response(id), None);
    world.wait(Duration::from_micros(1));
    let response = world.core.take_response(id).expect("an answer");
    assert_eq!(response.status, 403);
    let told = world.told().join("\n");
    assert!(told.contains("has failed: no answer in time"), "{told}");
    assert_eq!(answer(&mut world, id, Ok(&yes("iot:Publish", 300))), None, "it comes too late");
    // The connection is good for another request.
    asked(&mut world, id);
    let response = answer(&mut world, id, Ok(&yes("iot:Publish", 300))).unwrap();
    assert_eq!(response.status, 200);
}

#[test]
fn who_goes_is_asked_about_no_more() {
    let mut world = world();
    let id = open(&mut world, &[]);
    let headers = [("x-amz-customauthorizer-name", "Fleet")];
    world.core.http(world.now, id, &request("POST", "/topics/a", &headers, b""));
    assert!(world.core.has_question());
    world.core.closed(world.now, id);
    world.deliver();
    assert_eq!(world.core.next_question(), None);
    assert_eq!(answer(&mut world, id, Ok(&yes("iot:Publish", 300))), None);
}

#[test]
fn so_many_requests_wait_and_no_more() {
    let mut world = world();
    let waiting: Vec<ConnectionId> = (0..256)
        .map(|_| {
            let id = open(&mut world, &[]);
            asked(&mut world, id);
            id
        })
        .collect();
    let headers = [("x-amz-customauthorizer-name", "Fleet")];
    let one_more = request("POST", "/topics/site/7", &headers, b"");
    let id = open(&mut world, &[]);
    let response = world.core.http(world.now, id, &one_more).expect("an answer at once");
    assert_eq!(response.status, 503);
    assert!(world.told().join("\n").contains("too many requests wait"));
    assert_eq!(answer(&mut world, waiting[0], Err("it failed")).unwrap().status, 403);
    asked(&mut world, id);
}

#[test]
fn a_certificate_below_the_authorizer_is_looked_at_again() {
    let settings = format!("authentication_type = \"CUSTOM_AUTH_X509\"\n{SETTINGS}");
    let mut setup = Setup::new(&settings);
    let der = setup.thing("pump-17", CertificateStatus::Active);
    let mut world = setup.world();
    let id = open(&mut world, &der);
    let certificate = CertificateId::of(&der).to_string();
    let question = asked(&mut world, id);
    assert_eq!(question.content["protocolData"]["tls"]["principalId"], certificate);
    let off =
        json!({"ask": "certificate-status", "certificate": certificate, "status": "INACTIVE"});
    assert_eq!(world.core.ask(world.now, &off).unwrap()["status"], "INACTIVE");
    let response = answer(&mut world, id, Ok(&yes("iot:Publish", 300))).unwrap();
    assert_eq!(response.status, 403);
    assert!(world.told().join("\n").contains("is INACTIVE"));
}
