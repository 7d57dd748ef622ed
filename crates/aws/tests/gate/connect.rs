//! By which way somebody comes in, and as whom.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use evenkeel_aws::Time;
use evenkeel_aws::gate::authorizer::{
    Answer, AnswerFrom, Authorizer, AuthorizerError, Question, Signing, TokenKey,
};
use evenkeel_aws::gate::policy::{Action, Policy};
use evenkeel_aws::gate::sigv4::{AccessKey, SignatureError, Verifier};
use evenkeel_aws::gate::{
    Admission, Arrival, CertificateId, CertificateStatus, Gate, Login, Principal, Refusal, Request,
    Thing, TlsFacts, Way,
};

use super::rsa::{KEY, SIGNATURE, TOKEN};

/// 2026-11-29, noon.
const NOON: u64 = 1_795_953_600;
const HOST: &str = "a1b2c3d4e5f6g7-ats.iot.us-east-1.amazonaws.com";
const SIGNED: &str = "/mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
    &X-Amz-Credential=AKIDEXAMPLE%2F20261129%2Fus-east-1%2Fiotdevicegateway%2Faws4_request\
    &X-Amz-Date=20261129T120000Z&X-Amz-SignedHeaders=host\
    &X-Amz-Signature=1eaa2cf4a7ea58729083490a310d4130b42d4bfea3f4d759941ab40e30538afa";

/// Its own client identifier, its own topics.
const OWN: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect",
     "Resource": "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}",
     "Condition": {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}},
    {"Effect": "Allow", "Action": "iot:Publish",
     "Resource": ["arn:aws:iot:*:*:topic/${iot:Connection.Thing.ThingName}/*",
                  "arn:aws:iot:*:*:topic/${iot:Connection.Thing.Attributes[site]}/*",
                  "arn:aws:iot:*:*:topic/${iot:Certificate.Subject.CommonName}/*",
                  "arn:aws:iot:*:*:topic/${iot:Certificate.Subject.Organization}/*",
                  "arn:aws:iot:*:*:topic/${iot:Certificate.Subject.AlternativeName.DNSName}/*"]}]}"#;
const ALL: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}"#;

/// A certificate that is good from 2026 to 2049, in both forms of time.
fn certificate(name: &str) -> Vec<u8> {
    let mut params = rcgen::CertificateParams::new(vec![format!("{name}.example")]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "works");
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2051, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

/// A gate that knows a thing with this certificate.
fn gate(der: &[u8]) -> Gate {
    let mut gate = Gate::default();
    let site = BTreeMap::from([("site".to_owned(), "north".to_owned())]);
    let thing = Thing { thing_type: None, attributes: site };
    gate.registry.set_thing("pump-17", thing).unwrap();
    gate.registry.set_policy("own", Policy::parse(OWN).unwrap()).unwrap();
    gate.registry.set_policy("all", Policy::parse(ALL).unwrap()).unwrap();
    let id = CertificateId::of(der);
    gate.registry.register(id, CertificateStatus::Active).unwrap();
    gate.registry.attach_policy(id, "own").unwrap();
    gate.registry.attach_thing(id, "pump-17", false).unwrap();
    gate
}

fn at(seconds: u64) -> Time {
    Time { elapsed: Duration::ZERO, unix: Duration::from_secs(seconds) }
}

fn arrival(port: u16) -> Arrival<'static> {
    let peer = IpAddr::from([127, 0, 0, 1]);
    Arrival { at: at(NOON), port: Some(port), peer, tls: None, request: None }
}

fn by_tls<'a>(port: u16, alpn: Option<&'a str>, certificate: Option<&'a [u8]>) -> Arrival<'a> {
    let tls = TlsFacts { server_name: Some("localhost"), alpn, certificate };
    Arrival { tls: Some(tls), ..arrival(port) }
}

fn login<'a>(client_id: &'a str, user_name: Option<&'a str>) -> Login<'a> {
    Login { client_id, user_name, password: None, is_persistent: false, has_will: false }
}

fn admit(gate: &Gate, arrival: &Arrival<'_>, login: &Login<'_>) -> Result<Principal, Refusal> {
    match gate.admit(arrival, login)? {
        Admission::In(principal) => Ok(*principal),
        Admission::Ask(question) => panic!("{question:?}"),
    }
}

fn answer(seconds: u64) -> Answer {
    let text = format!(
        r#"{{"isAuthenticated": true, "principalId": "device17",
            "disconnectAfterInSeconds": {seconds}, "refreshAfterInSeconds": 300,
            "policyDocuments": [{ALL}]}}"#
    );
    Answer::parse(&text).unwrap()
}

fn with_authorizer(mut gate: Gate, signing: Signing, answer: AnswerFrom) -> Gate {
    let authorizer = Authorizer { is_active: true, signing, answer };
    gate.authorizers.insert("MyAuth".to_owned(), authorizer);
    gate
}

#[test]
fn a_certificate_is_its_thing() {
    let der = certificate("cn-17");
    let gate = gate(&der);
    for (port, alpn) in [
        (8883, None),
        (8883, Some("x-amzn-mqtt-ca")),
        (8883, Some("mqtt")),
        (443, Some("x-amzn-mqtt-ca")),
    ] {
        let arrival = by_tls(port, alpn, Some(&der));
        let who = admit(&gate, &arrival, &login("pump-17", None)).unwrap();
        assert_eq!((who.way, who.thing.as_deref()), (Way::Certificate, Some("pump-17")));
        assert_eq!(who.id, CertificateId::of(&der).to_string());
        assert_eq!((who.ends_after, who.refreshed_after), (None, None));
        for (topic, allowed) in [
            ("pump-17/level", true),
            ("north/level", true),
            ("cn-17/level", true),
            ("works/level", true),
            ("cn-17.example/level", true),
            ("pump-18/level", false),
            ("south/level", false),
        ] {
            assert_eq!(who.may_publish(topic, false), allowed, "{topic}");
            assert!(!who.may_publish(topic, true), "{topic}");
        }
        assert!(!who.may(Action::Subscribe, "pump-17/level"));
    }
}

#[test]
fn the_client_identifier_names_the_thing_unless_it_is_exclusive() {
    let der = certificate("cn-17");
    let mut gate = gate(&der);
    let arrival = by_tls(8883, None, Some(&der));
    let refusal = admit(&gate, &arrival, &login("other", None)).unwrap_err();
    assert_eq!(refusal, Refusal::Connect { client_id: "other".into(), denied_by: None });
    assert!(refusal.to_string().contains("client/other"), "{refusal}");
    let id = CertificateId::of(&der);
    gate.registry.attach_thing(id, "pump-17", true).unwrap();
    gate.registry.attach_policy(id, "all").unwrap();
    let who = admit(&gate, &arrival, &login("other", None)).unwrap();
    assert_eq!(who.thing.as_deref(), Some("pump-17"));
}

#[test]
fn certificates_must_be_known_active_and_of_their_time() {
    let der = certificate("cn-17");
    let mut gate = gate(&der);
    let id = CertificateId::of(&der);
    let login = login("pump-17", None);
    let good = by_tls(8883, None, Some(&der));
    let start = 1_767_225_600;
    let end = 2_556_144_000;
    for (seconds, expected) in [
        (start - 1, Some(Refusal::CertificateEarly { id, by: Duration::from_secs(1) })),
        (start, None),
        (end, None),
        (end + 1, Some(Refusal::CertificateEnded { id, by: Duration::from_secs(1) })),
    ] {
        let arrival = Arrival { at: at(seconds), ..good };
        assert_eq!(admit(&gate, &arrival, &login).err(), expected, "{seconds}");
    }
    for status in [
        CertificateStatus::Inactive,
        CertificateStatus::PendingActivation,
        CertificateStatus::Revoked,
    ] {
        gate.registry.set_status(id, status).unwrap();
        let refusal = admit(&gate, &good, &login).unwrap_err();
        assert_eq!(refusal, Refusal::CertificateStatus { id, status });
        assert!(refusal.to_string().contains(status.name()));
    }
    let stranger = certificate("cn-18");
    let unknown = Refusal::CertificateUnknown(CertificateId::of(&stranger));
    let arrival = by_tls(8883, None, Some(&stranger));
    assert_eq!(admit(&gate, &arrival, &login).err(), Some(unknown));
    let nonsense = b"no certificate";
    let id = CertificateId::of(nonsense);
    gate.registry.register(id, CertificateStatus::Active).unwrap();
    let arrival = by_tls(8883, None, Some(nonsense));
    assert_eq!(admit(&gate, &arrival, &login).err(), Some(Refusal::CertificateForm(id)));
}

#[test]
fn port_and_alpn_decide_the_way() {
    let der = certificate("cn-17");
    let fixed = AnswerFrom::Fixed(answer(3600));
    let gate = with_authorizer(gate(&der), Signing::Disabled, fixed);
    let named = Some("u?x-amz-customauthorizer-name=MyAuth");
    let metrics = Some("?SDK=IoTDeviceSDK/Python&Platform=Unix&Metadata=(CRTVersion=0.36.1)");
    let certificate = Some(&der[..]);
    let way = |arrival: Arrival<'_>, user_name| {
        admit(&gate, &arrival, &login("pump-17", user_name)).map(|who| who.way)
    };
    let ca = Some("x-amzn-mqtt-ca");
    let mqtt = Some("mqtt");
    for (arrival, user_name, expected) in [
        (by_tls(8883, None, certificate), metrics, Ok(Way::Certificate)),
        (by_tls(443, ca, certificate), metrics, Ok(Way::Certificate)),
        (by_tls(443, ca, certificate), named, Ok(Way::Certificate)),
        (by_tls(443, ca, None), named, Err(Refusal::CertificateMissing)),
        (by_tls(443, mqtt, None), named, Ok(Way::Authorizer)),
        (by_tls(443, mqtt, certificate), named, Ok(Way::Authorizer)),
        (by_tls(443, mqtt, certificate), None, Err(AuthorizerError::NotNamed.into())),
        (by_tls(443, None, certificate), None, Err(Refusal::AlpnMissing)),
        (by_tls(443, Some("http/1.1"), None), None, Err(Refusal::Alpn("http/1.1".into()))),
        (by_tls(8883, mqtt, None), named, Ok(Way::Authorizer)),
        (by_tls(8883, None, None), named, Ok(Way::Authorizer)),
        (by_tls(8883, None, None), None, Err(Refusal::CertificateMissing)),
        (by_tls(8883, None, None), metrics, Err(Refusal::CertificateMissing)),
        (arrival(8883), None, Err(Refusal::Plain)),
    ] {
        assert_eq!(way(arrival, user_name), expected, "{arrival:?} {user_name:?}");
    }
}

#[test]
fn the_name_of_the_server_may_be_needed() {
    let der = certificate("cn-17");
    let mut gate = gate(&der);
    let tls = TlsFacts { server_name: None, alpn: None, certificate: Some(&der) };
    let arrival = Arrival { tls: Some(tls), ..arrival(8883) };
    assert!(admit(&gate, &arrival, &login("pump-17", None)).is_ok());
    gate.needs_server_name = true;
    let refusal = admit(&gate, &arrival, &login("pump-17", None)).unwrap_err();
    assert_eq!(refusal, Refusal::ServerNameMissing);
}

#[test]
fn a_signed_websocket_lasts_a_day() {
    let mut gate = gate(b"");
    gate.verifier = Verifier {
        region: "us-east-1".into(),
        service: "iotdevicegateway".into(),
        keys: BTreeMap::from([(
            "AKIDEXAMPLE".to_owned(),
            AccessKey {
                secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
                session_token: None,
                expires: None,
                principal: "123456789012:user".into(),
                policies: vec!["all".into()],
            },
        )]),
    };
    let headers = [("Host".to_owned(), HOST.to_owned())];
    let request = Request { method: "GET", target: SIGNED, headers: &headers };
    let good = Arrival { request: Some(request), ..arrival(443) };
    assert_eq!(gate.upgrade(&good), Ok(()));
    let who = admit(&gate, &good, &login("console-1", None)).unwrap();
    assert_eq!((who.way, who.id.as_str()), (Way::Signature, "123456789012:user"));
    assert_eq!(who.ends_after, Some(Duration::from_secs(86_400)));
    assert!(who.may_publish("any/topic", true));

    let late = Arrival { at: at(NOON + 301), ..good };
    let refusal = gate.upgrade(&late).unwrap_err();
    assert_eq!(refusal.status(), 403);
    let late_by = SignatureError::Late { by: Duration::from_secs(1) };
    assert_eq!(refusal, Refusal::Signature(late_by));
    assert_eq!(admit(&gate, &late, &login("c", None)).err(), Some(refusal));

    let elsewhere = Request { target: "/other", ..request };
    let elsewhere = Arrival { request: Some(elsewhere), ..good };
    assert_eq!(gate.upgrade(&elsewhere).unwrap_err().status(), 404);
}

#[test]
fn an_authorizer_is_named_by_user_name_headers_or_query() {
    let gate = with_authorizer(gate(b""), Signing::Disabled, AnswerFrom::Fixed(answer(300)));
    let headers = [("x-amz-customauthorizer-name".to_owned(), "MyAuth".to_owned())];
    let named = "/mqtt?x-amz-customauthorizer-name=MyAuth";
    let unknown = "/mqtt?x-amz-customauthorizer-name=Other";
    let in_name = Some("u?x-amz-customauthorizer-name=MyAuth");
    let other = || Refusal::Authorizer(AuthorizerError::Unknown("Other".into()));
    let none = || Refusal::Authorizer(AuthorizerError::NotNamed);
    for (target, headers, user_name, upgrade, expected) in [
        (named, &[][..], None, Ok(()), Ok("device17")),
        ("/mqtt", &headers[..], None, Ok(()), Ok("device17")),
        ("/mqtt", &[], in_name, Ok(()), Ok("device17")),
        (unknown, &headers, None, Ok(()), Ok("device17")),
        (unknown, &[], in_name, Err(other()), Err(other())),
        ("/mqtt", &[], Some("u"), Ok(()), Err(none())),
        ("/mqtt", &[], None, Ok(()), Err(none())),
    ] {
        let request = Request { method: "GET", target, headers };
        let arrival = Arrival { request: Some(request), ..arrival(443) };
        assert_eq!(gate.upgrade(&arrival), upgrade, "{target} {user_name:?}");
        let found = admit(&gate, &arrival, &login("c", user_name)).map(|who| who.id);
        assert_eq!(found, expected.map(str::to_owned), "{target} {user_name:?}");
    }
}

#[test]
fn tokens_are_checked_before_anybody_is_asked() {
    let keys = vec![TokenKey::from_pem(KEY).unwrap()];
    let signing = Signing::Required { token_key_name: "tok".into(), keys };
    let gate = with_authorizer(gate(b""), signing, AnswerFrom::Driver);
    let name = "u?x-amz-customauthorizer-name=MyAuth";
    let signature = SIGNATURE.replace('+', "%2B").replace('=', "%3D");
    let good = format!("{name}&x-amz-customauthorizer-signature={signature}&tok={TOKEN}&SDK=Other");
    let bare = format!("{name}&x-amz-customauthorizer-signature={SIGNATURE}&tok={TOKEN}");
    let arrival = by_tls(443, Some("mqtt"), None);
    for user_name in [&good, &bare] {
        let login = Login { password: Some(b"s3cret"), ..login("pump-17", Some(user_name)) };
        let Ok(Admission::Ask(question)) = gate.admit(&arrival, &login) else { panic!() };
        let Question { authorizer, is_signature_verified, token, login, .. } = &*question;
        let shown = login.as_ref().unwrap();
        assert_eq!((authorizer.as_str(), shown.client_id.as_str()), ("MyAuth", "pump-17"));
        assert_eq!((*is_signature_verified, token.as_deref()), (true, Some(TOKEN)));
        assert_eq!(shown.password.as_deref(), Some(&b"s3cret"[..]));
    }
    let key = "tok".to_owned();
    for (user_name, expected) in [
        (name.to_owned(), AuthorizerError::TokenMissing { key }),
        (format!("{name}&tok={TOKEN}"), AuthorizerError::SignatureMissing),
        (good.replace(TOKEN, "opaque-token-18"), AuthorizerError::SignatureWrong),
    ] {
        let refusal = gate.admit(&arrival, &login("pump-17", Some(&user_name))).unwrap_err();
        assert_eq!(refusal, Refusal::Authorizer(expected), "{user_name}");
    }
}

#[test]
fn an_answer_says_who_and_for_how_long() {
    let mut gate = with_authorizer(gate(b""), Signing::Disabled, AnswerFrom::Driver);
    let arrival = by_tls(443, Some("mqtt"), None);
    let login = login("pump-17", Some("u?x-amz-customauthorizer-name=MyAuth"));
    let Ok(Admission::Ask(question)) = gate.admit(&arrival, &login) else { panic!() };
    assert_eq!((question.is_signature_verified, question.token.as_deref()), (false, None));
    let who = gate.answered(arrival.at, &question, &answer(86_400)).unwrap();
    assert_eq!((who.id.as_str(), who.way), ("device17", Way::Authorizer));
    assert_eq!(who.ends_after, Some(Duration::from_secs(86_400)));
    assert_eq!(who.refreshed_after, Some(Duration::from_secs(300)));
    assert!(who.may(Action::Subscribe, "#"));
    let no = gate.answered(arrival.at, &question, &Answer::No);
    assert_eq!(no.err(), Some(Refusal::NotAuthenticated));

    let nothing = r#"{"isAuthenticated": true, "principalId": "a", "policyDocuments": [],
        "disconnectAfterInSeconds": 300, "refreshAfterInSeconds": 300}"#;
    let denied = gate.answered(arrival.at, &question, &Answer::parse(nothing).unwrap());
    assert!(matches!(denied, Err(Refusal::Connect { denied_by: None, .. })));

    gate.default_authorizer = Some("MyAuth".into());
    let unnamed = Login { user_name: Some("u"), ..login };
    assert!(matches!(gate.admit(&arrival, &unnamed), Ok(Admission::Ask(_))));
    for authorizer in gate.authorizers.values_mut() {
        authorizer.is_active = false;
    }
    let refusal = gate.admit(&arrival, &unnamed).unwrap_err();
    assert_eq!(refusal, Refusal::Authorizer(AuthorizerError::NotActive("MyAuth".into())));
}

#[test]
fn plain_connections_have_the_policies_of_the_settings() {
    let mut gate = gate(b"");
    gate.plain_policies = vec!["all".into()];
    let who = admit(&gate, &arrival(1883), &login("test-1", None)).unwrap();
    assert_eq!((who.way, who.id.as_str()), (Way::Plain, "test-1"));
    assert!(who.may_publish("a", true));
}

#[test]
fn persistence_and_wills_are_asked_of_the_policies() {
    let policy = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*", "Condition":
          {"ForAllValues:StringEquals": {"iot:ConnectAttributes": "PersistentConnect"}}}]}"#;
    let mut gate = gate(b"");
    gate.registry.set_policy("no-will", Policy::parse(policy).unwrap()).unwrap();
    gate.plain_policies = vec!["no-will".into()];
    for (is_persistent, has_will, fits) in
        [(false, false, true), (true, false, true), (false, true, false), (true, true, false)]
    {
        let login = Login { is_persistent, has_will, ..login("c", None) };
        assert_eq!(admit(&gate, &arrival(1883), &login).is_ok(), fits);
    }
}

#[test]
fn logins_show_no_secrets() {
    let login = Login { password: Some(b"s3cret"), ..login("c", Some("u?tok=t0ken")) };
    let shown = format!("{login:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
}
