//! The HTTP API: statuses, bodies and rights.

use std::time::Duration;

use evenkeel_aws::gate::{CERTIFICATES, CertificateId, CertificateStatus};
use evenkeel_broker::core::{Arrival, HttpFacts, HttpRequest, HttpResponse, TlsFacts};
use evenkeel_codec::{Bytes, Connect, Packet, Property, Version};
use serde_json::{Value, json};

use crate::world::*;

/// Sends a request by this way in, and gives the answer.
fn call(world: &mut World, how: Arrival, request: &HttpRequest) -> HttpResponse {
    let id = world.core.open(world.now, how);
    let answer = world.core.http(world.now, id, request).expect("an answer at once");
    world.core.closed(world.now, id);
    world.deliver();
    answer
}

pub(crate) fn request(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> HttpRequest {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    HttpRequest {
        method: method.into(),
        head: HttpFacts { target: target.into(), headers: headers.collect() },
        body: Bytes::copy_from_slice(body),
    }
}

fn plain() -> Arrival {
    Arrival::new("https", "192.0.2.7:4711")
}

pub(crate) fn tls(
    der: &[u8],
    name: Option<&str>,
    alpn: Option<&str>,
    port: Option<u16>,
) -> Arrival {
    let certificate = (!der.is_empty()).then(|| Bytes::copy_from_slice(der));
    let (server_name, alpn) = (name.map(str::to_owned), alpn.map(str::to_owned));
    let facts = TlsFacts { certificate, server_name, alpn, ..TlsFacts::default() };
    Arrival { tls: Some(facts), port, ..plain() }
}

/// Status and body of a request without TLS.
fn ask(world: &mut World, method: &str, target: &str, body: &str) -> (u16, Value) {
    let answer = call(world, plain(), &request(method, target, &[], body.as_bytes()));
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

fn open() -> World {
    Setup::new(OPEN).world()
}

#[test]
fn an_answer_has_the_form_of_aws() {
    let mut world = open();
    let answer = call(&mut world, plain(), &request("GET", "/things/lamp/shadow", &[], b""));
    assert_eq!(answer.status, 404);
    let header = |name| answer.headers.iter().find(|(found, _)| *found == name).unwrap().1.as_str();
    assert_eq!(header("x-amzn-errortype"), "ResourceNotFoundException");
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("date"), "Fri, 15 Jan 2027 08:00:00 GMT");
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["message"], "No shadow exists with name: 'lamp'");
    assert_eq!(body["traceId"], header("x-amzn-requestid"));
    assert_eq!(header("x-amzn-requestid").len(), 36);
}

#[test]
fn paths_and_methods_that_are_none() {
    let mut world = open();
    for (method, target, status) in [
        ("GET", "/", 404),
        ("GET", "", 404),
        ("GET", "*", 404),
        ("GET", "http://localhost/things/a/shadow", 404),
        ("GET", "/mqtt", 404),
        ("POST", "/topics/", 404),
        ("GET", "/topics/a", 405),
        ("PUT", "/things/a/shadow", 405),
        ("GET", "/connections/a", 405),
        ("POST", "/retainedMessage", 405),
        ("POST", "/things/a/jobs", 405),
        ("PUT", "/things/a/jobs/flush", 405),
        ("POST", "/things/a/jobs/$next", 405),
        ("GET", "/things/a%20b/shadow", 400),
        ("GET", "/things/a%2/shadow", 400),
        ("GET", "/things/%ff/shadow", 400),
        ("GET", "/things/a/shadow?name=a/b", 400),
        ("GET", "/things/a/shadow?name=a&name=b", 400),
        ("GET", "/things/a/shadow?name=%", 400),
        ("GET", "/things/a/jobs/a.b", 400),
        ("DELETE", "/connections/$a", 400),
        ("DELETE", "/connections/nobody", 404),
        ("DELETE", "/connections/nobody?cleanSession=1", 400),
        ("GET", "/retainedMessage/a", 404),
        ("GET", "/retainedMessage?maxResults=0", 400),
        ("GET", "/retainedMessage?maxResults=201", 400),
        ("GET", "/retainedMessage?maxResults=200", 200),
        ("GET", "/retainedMessage?nextToken=%", 400),
        ("GET", "/retainedMessage?nextToken=*", 400),
        ("GET", "/api/things/shadow/ListNamedShadowsForThing/a?pageSize=101", 400),
    ] {
        let (found, body) = ask(&mut world, method, target, "");
        assert_eq!(found, status, "{method} {target}: {body}");
        assert_eq!(body.get("traceId").is_some(), status != 200, "{body}");
    }
    let long = format!("/connections/{}", "x".repeat(128));
    assert_eq!(ask(&mut world, "DELETE", &long, "").0, 404);
    assert_eq!(ask(&mut world, "DELETE", &format!("{long}x"), "").0, 400);
}

#[test]
fn a_message_is_published_with_all_its_properties() {
    let mut world = open();
    let peer = world.connect("listener");
    world.subscribe(peer, "site/#");
    let target = "/topics/site%2F7%2Flevel?qos=1&contentType=text%2Fplain&responseTopic=a/b\
                  &messageExpiry=60";
    let headers = [
        ("x-amz-mqtt5-payload-format-indicator", "UTF8_DATA"),
        ("x-amz-mqtt5-correlation-data", "AQI="),
        // [{"unit": "m"}, {"unit": "cm"}]
        ("x-amz-mqtt5-user-properties", "W3sidW5pdCI6ICJtIn0sIHsidW5pdCI6ICJjbSJ9XQ=="),
    ];
    let answer = call(&mut world, plain(), &request("POST", target, &headers, b"4.2"));
    assert_eq!(answer.status, 200);
    let packets = world.recv(peer);
    let [Packet::Publish(publish)] = &packets[..] else { panic!("{packets:?}") };
    assert_eq!((publish.topic.as_str(), &publish.payload[..]), ("site/7/level", &b"4.2"[..]));
    let properties = &publish.properties;
    for expected in [
        Property::PayloadFormatIndicator(1),
        Property::MessageExpiryInterval(60),
        Property::ContentType("text/plain".try_into().unwrap()),
        Property::ResponseTopic("a/b".try_into().unwrap()),
        Property::CorrelationData(Bytes::from_static(&[1, 2])),
        Property::UserProperty("unit".try_into().unwrap(), "m".try_into().unwrap()),
        Property::UserProperty("unit".try_into().unwrap(), "cm".try_into().unwrap()),
    ] {
        assert!(properties.iter().any(|found| *found == expected), "{expected:?}: {properties:?}");
    }
    // Slashes need not be escaped.
    assert_eq!(ask(&mut world, "POST", "/topics/site/7", "x").0, 200);
    assert_eq!(world.recv(peer).len(), 1);
}

#[test]
fn messages_that_are_none_are_refused() {
    let mut world = open();
    let peer = world.connect("listener");
    world.subscribe(peer, "#");
    let long = |count: usize| format!("/topics/{}", "x".repeat(count));
    let deep = |slashes: usize| format!("/topics/a{}", "/a".repeat(slashes));
    for (target, status) in [
        (long(256), 200),
        (long(257), 400),
        (deep(7), 200),
        (deep(8), 400),
        (format!("/topics/$aws/rules/r/{}", "x".repeat(256)), 200),
        (format!("/topics/$aws/rules/r/{}", "x".repeat(257)), 400),
        ("/topics/a%2F%23".into(), 400),
        ("/topics/a%2F+".into(), 400),
        ("/topics/a%00".into(), 400),
        ("/topics/a?qos=1".into(), 200),
        ("/topics/a?qos=2".into(), 400),
        ("/topics/a?qos=x".into(), 400),
        ("/topics/a?retain=yes".into(), 400),
        ("/topics/$aws/things/lamp/shadow/get?retain=true".into(), 400),
        ("/topics/a?messageExpiry=0".into(), 400),
        ("/topics/a?messageExpiry=604800".into(), 200),
        ("/topics/a?messageExpiry=604801".into(), 400),
        ("/topics/a?responseTopic=%2B".into(), 400),
        ("/topics/$aws/things/lamp/shadow/get/accepted".into(), 403),
        ("/topics/$nobody".into(), 403),
    ] {
        let (found, body) = ask(&mut world, "POST", &target, "x");
        assert_eq!(found, status, "{target}: {body}");
    }
    let name = "x-amz-mqtt5-user-properties";
    for (name, value) in [
        (name, "*"),
        // {}, [1], [{"a": 1}]
        (name, "e30="),
        (name, "WzFd"),
        (name, "W3siYSI6IDF9XQ=="),
        ("x-amz-mqtt5-payload-format-indicator", "1"),
        ("x-amz-mqtt5-correlation-data", "*"),
    ] {
        let request = request("POST", "/topics/a", &[(name, value)], b"x");
        assert_eq!(call(&mut world, plain(), &request).status, 400, "{name} {value}");
    }
    for (length, status) in [(HttpRequest::BODY_MAX, 200), (HttpRequest::BODY_MAX + 1, 413)] {
        let request = request("POST", "/topics/a", &[], &vec![b'x'; length]);
        assert_eq!(call(&mut world, plain(), &request).status, status, "{length}");
    }
    // What was refused was not published.
    let good = world.recv(peer).len();
    assert_eq!(good, 5, "long, deep, qos, expiry, large");
}

#[test]
fn rules_and_services_get_what_comes_by_http() {
    let rules = r#"
[rules.alarms]
sql = "SELECT * FROM 'site/+/alarm'"
topic = "told/alarms/${topic(2)}"
[rules.changes]
sql = "SELECT * FROM '$aws/things/+/shadow/update/accepted'"
topic = "told/changes/${topic(3)}"
"#;
    let mut world = Setup::new(&format!("{OPEN}{rules}")).world();
    let peer = world.connect("listener");
    world.subscribe(peer, "told/#");
    world.subscribe(peer, "$aws/things/lamp/shadow/get/+");
    assert_eq!(ask(&mut world, "POST", "/topics/site/7/alarm", "1").0, 200);
    assert_eq!(ask(&mut world, "POST", "/topics/$aws/things/lamp/shadow/get", "").0, 200);
    assert_eq!(ask(&mut world, "POST", "/things/lamp/shadow", r#"{"state":{}}"#).0, 200);
    let topics: Vec<String> = world.messages(peer).into_iter().map(|(topic, _)| topic).collect();
    let expected = ["told/alarms/7", "$aws/things/lamp/shadow/get/rejected", "told/changes/lamp"];
    assert_eq!(topics, expected);
}

#[test]
fn shadows_are_read_changed_listed_and_deleted() {
    let mut world = open();
    let peer = world.connect("listener");
    world.subscribe(peer, "$aws/things/lamp/shadow/#");
    let path = "/things/lamp/shadow";
    let (status, accepted) = ask(&mut world, "POST", path, r#"{"state":{"desired":{"on":true}}}"#);
    assert_eq!((status, &accepted["version"]), (200, &json!(1)));
    let told: Vec<String> = world.messages(peer).into_iter().map(|(topic, _)| topic).collect();
    assert_eq!(told.len(), 3, "accepted, delta, documents: {told:?}");
    let (status, shadow) = ask(&mut world, "GET", path, "");
    assert_eq!((status, &shadow["state"]["delta"]["on"]), (200, &json!(true)));
    for (body, status, message) in [
        ("{", 400, "Invalid JSON"),
        ("{}", 400, "Missing required node: state"),
        (r#"{"state":{},"version":9}"#, 409, "Version conflict"),
        (
            &format!(r#"{{"state":{{"desired":{{"x":"{}"}}}}}}"#, "x".repeat(8192)),
            413,
            "The payload",
        ),
    ] {
        let (found, answer) = ask(&mut world, "POST", path, body);
        assert_eq!(found, status, "{answer}");
        assert!(answer["message"].as_str().unwrap().starts_with(message), "{answer}");
    }
    for name in ["a", "b", "c"] {
        let target = format!("{path}?name={name}");
        assert_eq!(ask(&mut world, "POST", &target, r#"{"state":{}}"#).0, 200);
    }
    let list = "/api/things/shadow/ListNamedShadowsForThing/lamp?pageSize=2";
    let (_, page) = ask(&mut world, "GET", list, "");
    assert_eq!((&page["results"], &page["timestamp"]), (&json!(["a", "b"]), &json!(NOW)));
    let next = format!("{list}&nextToken={}", page["nextToken"].as_str().unwrap());
    let (_, page) = ask(&mut world, "GET", &next, "");
    assert_eq!(page["results"], json!(["c"]));
    assert_eq!(page.get("nextToken"), None);
    let (status, deleted) = ask(&mut world, "DELETE", path, "");
    assert_eq!((status, &deleted["version"]), (200, &json!(1)));
    assert_eq!(ask(&mut world, "DELETE", path, "").0, 404);
}

#[test]
fn jobs_are_listed_started_described_and_reported() {
    let mut setup = Setup::new("");
    let policy = r#"{"Version": "2012-10-17", "Statement":
        {"Effect": "Allow", "Action": "iotjobsdata:*", "Resource": "*"}}"#;
    setup.policy("jobs", policy);
    setup.gate.plain_policies = vec!["jobs".into()];
    let mut world = setup.world();
    let job = json!({"ask": "job-create", "job": "flush", "document": {"do": "it"},
        "things": ["lamp"]});
    world.core.ask(world.now, &job).unwrap();
    let (_, pending) = ask(&mut world, "GET", "/things/lamp/jobs", "");
    assert_eq!(pending["queuedJobs"][0]["jobId"], "flush");
    assert_eq!(pending["inProgressJobs"], json!([]));
    let (_, next) =
        ask(&mut world, "GET", "/things/lamp/jobs/%24next?includeJobDocument=false", "");
    assert_eq!(next["execution"].get("jobDocument"), None);
    let (status, started) =
        ask(&mut world, "PUT", "/things/lamp/jobs/$next", r#"{"statusDetails":{"a":"b"}}"#);
    assert_eq!(status, 200);
    // By HTTP the document is a text.
    assert_eq!(started["execution"]["jobDocument"], r#"{"do":"it"}"#);
    assert_eq!(started["execution"]["statusDetails"]["a"], "b");
    for (method, target, body, status) in [
        ("GET", "/things/lamp/jobs/flush?executionNumber=1", "", 200),
        ("GET", "/things/lamp/jobs/flush?executionNumber=2", "", 404),
        ("GET", "/things/lamp/jobs/flush?executionNumber=x", "", 400),
        ("POST", "/things/lamp/jobs/flush", "[]", 400),
        ("POST", "/things/lamp/jobs/flush", "{}", 400),
        ("POST", "/things/lamp/jobs/flush", r#"{"status":"SUCCEEDED","expectedVersion":9}"#, 409),
        ("POST", "/things/lamp/jobs/flush", r#"{"status":"SUCCEEDED"}"#, 200),
        ("POST", "/things/lamp/jobs/flush", r#"{"status":"FAILED"}"#, 409),
        ("GET", "/things/lamp/jobs/flush", "", 410),
        ("GET", "/things/lamp/jobs/other", "", 404),
    ] {
        let (found, answer) = ask(&mut world, method, target, body);
        assert_eq!(found, status, "{method} {target} {body}: {answer}");
    }
    assert_eq!(ask(&mut world, "PUT", "/things/lamp/jobs/$next", "").1, json!({}));
}

#[test]
fn retained_messages_are_listed_in_pages_and_read() {
    let mut world = open();
    for topic in ["b", "a/1", "a/2"] {
        let target = format!("/topics/{topic}?qos=1&retain=true");
        let properties = [("x-amz-mqtt5-user-properties", "W3sidW5pdCI6Im0ifV0=")];
        let request = request("POST", &target, &properties, b"\x00\xff");
        assert_eq!(call(&mut world, plain(), &request).status, 200);
        world.wait(Duration::from_secs(1));
    }
    let (_, page) = ask(&mut world, "GET", "/retainedMessage?maxResults=2", "");
    let topics = |page: &Value| {
        let topics = page["retainedTopics"].as_array().unwrap().iter();
        topics.map(|one| one["topic"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(topics(&page), ["a/1", "a/2"]);
    let first = json!({"topic": "a/1", "payloadSize": 2, "qos": 1,
        "lastModifiedTime": (NOW + 1) * 1000});
    assert_eq!(page["retainedTopics"][0], first);
    let next = page["nextToken"].as_str().unwrap();
    let (_, page) = ask(&mut world, "GET", &format!("/retainedMessage?nextToken={next}"), "");
    assert_eq!(topics(&page), ["b"]);
    assert_eq!(page.get("nextToken"), None);

    let (_, message) = ask(&mut world, "GET", "/retainedMessage/a%2F1", "");
    let expected = json!({"topic": "a/1", "payload": "AP8=", "qos": 1,
        "lastModifiedTime": (NOW + 1) * 1000, "userProperties": "W3sidW5pdCI6Im0ifV0="});
    assert_eq!(message, expected);
    assert_eq!(ask(&mut world, "POST", "/topics/a/1?retain=true", "").0, 200);
    assert_eq!(ask(&mut world, "GET", "/retainedMessage/a/1", "").0, 404, "an empty one deletes");
}

#[test]
fn a_connection_is_deleted_with_its_session_and_its_will_or_without() {
    for (query, session_stays, is_told) in [
        ("", true, true),
        ("?cleanSession=true", false, true),
        ("?preventWillMessage=true", true, false),
        ("?cleanSession=true&preventWillMessage=true", false, false),
    ] {
        let mut world = open();
        let listener = world.connect("listener");
        world.subscribe(listener, "wills");
        world.subscribe(listener, "$aws/events/presence/disconnected/pump");
        let peer = world.open("tcp", Version::V5);
        let mut pump = Connect { will: will("wills"), ..connect(Version::V5, "pump") };
        pump.properties.push(Property::SessionExpiryInterval(100));
        world.login(peer, pump);
        let (status, body) = ask(&mut world, "DELETE", &format!("/connections/pump{query}"), "");
        assert_eq!(status, 200, "{body}");
        assert!(world.is_closed(peer));
        let messages = world.messages(listener);
        assert_eq!(messages.iter().any(|(topic, _)| topic == "wills"), is_told, "{query}");
        let reason = messages.iter().find_map(|(_, told)| told.get("disconnectReason"));
        assert_eq!(reason, Some(&json!("API_INITIATED_DISCONNECT")), "{messages:?}");
        assert_eq!(world.core.session_count() == 2, session_stays, "{query}");
        assert_eq!(ask(&mut world, "DELETE", "/connections/pump", "").0, 404);
    }
}

#[test]
fn each_way_in_is_open_where_it_is_at_aws() {
    let settings = r#"
[authorizers.Fleet]
answer = '''{"isAuthenticated": true, "principalId": "pump", "disconnectAfterInSeconds": 300,
  "refreshAfterInSeconds": 300, "policyDocuments": [{"Version": "2012-10-17", "Statement":
  {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}]}'''
[authorizers.Strict]
answer = '{"isAuthenticated": false}'
"#;
    let mut setup = Setup::new(settings);
    let active = setup.all("lamp", CertificateStatus::Active);
    let inactive = setup.all("b", CertificateStatus::Inactive);
    let (unknown, _) = certificate();
    let mut world = setup.world();
    let name = Some("localhost");
    let (fleet, strict) = (Some("Fleet"), Some("Strict"));
    let ca = Some("x-amzn-http-ca");
    for (der, name, alpn, port, authorizer, status) in [
        (&active[..], name, None, Some(8443), None, 200),
        (&active, name, Some("http/1.1"), None, None, 200),
        (&active, name, ca, Some(443), None, 200),
        (&active, name, None, Some(443), None, 403),
        (&active, None, None, Some(8443), None, 403),
        (&inactive, name, None, Some(8443), None, 403),
        (&unknown, name, None, Some(8443), None, 403),
        (&[], name, None, Some(8443), None, 403),
        (&[], name, ca, Some(443), fleet, 403),
        (&[], name, None, Some(8443), fleet, 403),
        (&[], name, None, Some(443), fleet, 200),
        (&[], name, None, None, fleet, 200),
        (&[], name, None, None, strict, 403),
        (&[], name, None, None, Some("Other"), 403),
        (&[], name, None, None, None, 403),
        (&[], name, None, Some(443), None, 403),
    ] {
        let headers = authorizer.map(|name| ("x-amz-customauthorizer-name", name));
        let headers: Vec<_> = headers.into_iter().collect();
        let request = request("POST", "/topics/site/7", &headers, b"x");
        let answer = call(&mut world, tls(der, name, alpn, port), &request);
        assert_eq!(answer.status, status, "{alpn:?} {port:?} {authorizer:?}: {:?}", world.told());
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["message"], if status == 200 { "OK" } else { "Forbidden" });
    }
    let told = world.told().join("\n");
    for part in ["SNI", "INACTIVE", "not registered", "no certificate", "said no", "who sends it"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let mut world = Setup::new("").world();
    assert_eq!(ask(&mut world, "POST", "/topics/a", "").0, 403, "without TLS nobody is known");
}

#[test]
fn signed_requests_are_verified_with_their_body() {
    let settings = "region = \"us-east-1\"\n[keys.AKIDEXAMPLE]\npolicies = [\"all\"]\n\
                    secret = \"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\"\n";
    let mut world = Setup::new(settings).world();
    world.core.set_wall_clock(world.now, Duration::from_secs(1_795_953_600));
    // By botocore, as in the tests of the gate.
    let authorization = "AWS4-HMAC-SHA256 \
        Credential=AKIDEXAMPLE/20261129/us-east-1/iotdata/aws4_request, \
        SignedHeaders=host;x-amz-date, \
        Signature=7a6cbaa980a9931be4dec0c21c1ec8f6526da600dda33899ae0985359f9833d0";
    let headers = [
        ("host", "localhost:8443"),
        ("x-amz-date", "20261129T120000Z"),
        ("authorization", authorization),
    ];
    let target = "/topics/site%2F7%2Flevel?qos=1";
    for (port, body, status) in [
        (None, b"4.2", 200),
        (Some(443), b"4.2", 200),
        (None, b"4.3", 403),
        (Some(8443), b"4.2", 403),
    ] {
        let how = tls(&[], Some("localhost"), None, port);
        let answer = call(&mut world, how, &request("POST", target, &headers, body));
        assert_eq!(answer.status, status, "{port:?}");
    }
    let told = world.told().join("\n");
    assert!(told.contains("does not fit") && !told.contains("wJalr"), "{told}");
}

#[test]
fn policies_decide_each_operation_and_what_it_is_about() {
    for (method, target, action, resource) in [
        ("POST", "/topics/a/b", "iot:Publish", "topic/a/b"),
        ("GET", "/things/lamp/shadow", "iot:GetThingShadow", "thing/lamp"),
        ("POST", "/things/lamp/shadow", "iot:UpdateThingShadow", "thing/lamp"),
        ("DELETE", "/things/lamp/shadow", "iot:DeleteThingShadow", "thing/lamp"),
        (
            "GET",
            "/api/things/shadow/ListNamedShadowsForThing/lamp",
            "iot:ListNamedShadowsForThing",
            "",
        ),
        ("GET", "/things/lamp/shadow?name=night", "iot:GetThingShadow", "thing/lamp/night"),
        ("POST", "/things/lamp/shadow?name=night", "iot:UpdateThingShadow", "thing/lamp/night"),
        ("DELETE", "/things/lamp/shadow?name=night", "iot:DeleteThingShadow", "thing/lamp/night"),
        ("GET", "/things/lamp/jobs", "iotjobsdata:GetPendingJobExecutions", "thing/lamp"),
        (
            "PUT",
            "/things/lamp/jobs/$next",
            "iotjobsdata:StartNextPendingJobExecution",
            "thing/lamp",
        ),
        ("GET", "/things/lamp/jobs/j", "iotjobsdata:DescribeJobExecution", "thing/lamp"),
        ("POST", "/things/lamp/jobs/j", "iotjobsdata:UpdateJobExecution", "thing/lamp"),
        ("GET", "/retainedMessage/a", "iot:GetRetainedMessage", "topic/a"),
        ("DELETE", "/connections/pump", "iot:DeleteConnection", "client/pump"),
        ("GET", "/retainedMessage", "iot:ListRetainedMessages", ""),
    ] {
        let resource = match resource {
            "" => "*".to_owned(),
            resource => format!("arn:aws:iot:eu-west-1:123456789012:{resource}"),
        };
        let statement = |action: &str, resource: &str| {
            format!(
                r#"{{"Version": "2012-10-17", "Statement":
                {{"Effect": "Allow", "Action": "{action}", "Resource": "{resource}"}}}}"#
            )
        };
        let other = format!("{resource}x");
        for (policy, is_allowed) in [
            (statement(action, &resource), true),
            (statement(action, if resource == "*" { "arn:aws:iot:*:*:x" } else { &other }), false),
            (statement("iot:Connect", "*"), false),
        ] {
            let mut setup = Setup::new("");
            setup.policy("some", &policy);
            setup.gate.plain_policies = vec!["some".into()];
            let mut world = setup.world();
            let (status, body) = ask(&mut world, method, target, "");
            assert_eq!(status != 403, is_allowed, "{method} {target} by {policy}: {status} {body}");
            let is_told = world.told().iter().any(|line| line.contains(action));
            assert_eq!(is_told, !is_allowed, "{method} {target}: {:?}", world.told());
        }
    }
    let mut setup = Setup::new("");
    let policy = r#"{"Version": "2012-10-17", "Statement":
        {"Effect": "Allow", "Action": "iot:Publish", "Resource": "*"}}"#;
    setup.policy("some", policy);
    setup.gate.plain_policies = vec!["some".into()];
    let mut world = setup.world();
    assert_eq!(ask(&mut world, "POST", "/topics/a", "").0, 200);
    assert_eq!(ask(&mut world, "POST", "/topics/a?retain=true", "").0, 403, "RetainPublish");
    // There is no resource to decide about.
    for query in ["name=a/b", "name=night&name=day", "name="] {
        let target = format!("/things/lamp/shadow?{query}");
        assert_eq!(ask(&mut world, "GET", &target, "").0, 400, "{query}");
    }
}

#[test]
fn a_full_account_makes_no_certificate_by_http_either() {
    let mut setup = Setup::new(OPEN);
    setup.stock = vec![certificate().1];
    for number in 0..CERTIFICATES {
        let id = CertificateId::of(&number.to_le_bytes());
        setup.gate.registry.register(id, CertificateStatus::Active).unwrap();
    }
    let mut world = setup.world();
    let answer = ask(&mut world, "POST", "/topics/$aws/certificates/create/json", "{}");
    assert_eq!(answer.0, 200, "{answer:?}");
    assert!(!world.changed().unwrap_or_default().contains("provisioning/"), "none waits");
}

#[test]
fn a_request_has_no_client_identifier_so_its_thing_must_be_exclusive() {
    let mut setup = Setup::new("");
    let text = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
        "Action": "iot:GetThingShadow",
        "Resource": "arn:aws:iot:*:*:thing/${iot:Connection.Thing.ThingName}"}}"#;
    setup.policy("own-shadow", text);
    let mut ders = Vec::new();
    for (name, is_exclusive) in [("lamp", false), ("pump", true)] {
        let (der, id) = certificate();
        let registry = &mut setup.gate.registry;
        registry.set_thing(name, evenkeel_aws::gate::Thing::default()).unwrap();
        registry.register(id, CertificateStatus::Active).unwrap();
        registry.attach_policy(id, "own-shadow").unwrap();
        registry.attach_thing(id, name, is_exclusive).unwrap();
        ders.push((name, der, is_exclusive));
    }
    let mut world = setup.world();
    for (name, der, is_exclusive) in ders {
        let request = request("GET", &format!("/things/{name}/shadow"), &[], b"");
        let how = tls(&der, Some("localhost"), None, Some(8443));
        let expected = if is_exclusive { 404 } else { 403 };
        assert_eq!(call(&mut world, how, &request).status, expected, "{name}");
    }
}
