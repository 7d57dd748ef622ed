//! Fleet provisioning in JSON.

use std::collections::BTreeMap;

use evenkeel_aws::provisioning::{Policy, Registration, RegistryChange, TemplateError};
use evenkeel_aws::{Limits, ProvisioningLimits};
use serde_json::{Value, json};

use crate::bench::{Bench, CLIENT};

const CREATE: &str = "$aws/certificates/create/json";
const CSR: &str = "$aws/certificates/create-from-csr/json";
const REGISTER: &str = "$aws/provisioning-templates/fleet/provision/json";

pub(crate) fn template() -> Value {
    json!({
        "Parameters": {
            "SerialNumber": {"Type": "String"},
            "Place": {"Type": "String", "Default": "Oslo"},
            "AWS::IoT::Certificate::Id": {"Type": "String"},
        },
        "Mappings": {"Urls": {"Oslo": {"Url": "https://no.example"}}},
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "Properties": {
                    "ThingName": {"Fn::Join": ["", ["lamp_", {"Ref": "SerialNumber"}]]},
                    "AttributePayload": {
                        "place": {"Ref": "Place"},
                        "label": {"Fn::Sub": ["${SerialNumber}@${where}", {"where": "home"}]},
                    },
                },
            },
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {
                    "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"},
                    "Status": "Active",
                },
            },
            "one": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "lamps"}},
            "two": {
                "Type": "AWS::IoT::Policy",
                "Properties": {"PolicyDocument": "{\"Version\": \"2012-10-17\"}"},
            },
        },
        "DeviceConfiguration": {
            "Url": {"Fn::FindInMap": ["Urls", {"Ref": "Place"}, "Url"]},
            "Second": {"Fn::Select": ["1", {"Fn::Split": ["-", "a-b-c"]}]},
        },
    })
}

pub(crate) fn bench() -> Bench {
    let mut bench = Bench::default();
    let provisioning = bench.services.provisioning();
    provisioning.set_template("fleet", &template().to_string()).expect("a template");
    bench
}

fn registration(token: &str, serial: &str) -> String {
    json!({"certificateOwnershipToken": token, "parameters": {"SerialNumber": serial}}).to_string()
}

fn rejection(bench: &mut Bench, topic: &str, payload: &str) -> (u64, String, String) {
    let sent = bench.ask(topic, payload);
    assert_eq!(sent.topic, format!("{topic}/rejected"), "{:?}", sent.json());
    assert_eq!(sent.to.as_deref(), Some(CLIENT));
    let answer = sent.json();
    let text = |name: &str| answer[name].as_str().expect(name).to_owned();
    (answer["statusCode"].as_u64().expect("a code"), text("errorCode"), text("errorMessage"))
}

#[test]
fn a_device_gets_keys_and_registers_its_thing() {
    let mut bench = bench();
    let sent = bench.ask(CREATE, "");
    assert_eq!(sent.topic, format!("{CREATE}/accepted"));
    assert_eq!(sent.to.as_deref(), Some(CLIENT), "nobody else sees the key");
    assert_eq!(
        sent.json(),
        json!({
            "certificateId": "cert-1",
            "certificatePem": "pem-1",
            "privateKey": "key-1",
            "certificateOwnershipToken": "token-1",
        })
    );
    let created = RegistryChange::CertificateCreated {
        certificate_id: "cert-1".to_owned(),
        certificate_pem: "pem-1".to_owned(),
    };
    assert_eq!(bench.registry, [created]);

    let sent = bench.ask(REGISTER, registration("token-1", "7"));
    assert_eq!(sent.topic, format!("{REGISTER}/accepted"));
    let configuration = json!({"Url": "https://no.example", "Second": "b"});
    assert_eq!(sent.json(), json!({"thingName": "lamp_7", "deviceConfiguration": configuration}));
    let attributes = [("place", "Oslo"), ("label", "7@home")];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let expected = Registration {
        thing_name: "lamp_7".to_owned(),
        attributes: BTreeMap::from(attributes),
        certificate_id: "cert-1".to_owned(),
        certificate_is_active: true,
        policies: vec![
            Policy::Name("lamps".to_owned()),
            Policy::Document(json!({"Version": "2012-10-17"})),
        ],
        device_configuration: configuration.as_object().expect("an object").clone(),
    };
    assert_eq!(bench.registry[1], RegistryChange::ThingRegistered(expected));
}

#[test]
fn a_signing_request_gets_a_certificate_without_a_key() {
    let mut bench = bench();
    let request = json!({"certificateSigningRequest": "pem"}).to_string();
    let answer = bench.ask(CSR, request).json();
    assert_eq!(
        answer,
        json!({
            "certificateId": "cert-1",
            "certificatePem": "pem-1",
            "certificateOwnershipToken": "token-1",
        })
    );
    for payload in ["{}", r#"{"certificateSigningRequest": 1}"#] {
        let (status, code, text) = rejection(&mut bench, CSR, payload);
        assert_eq!((status, code.as_str()), (400, "InvalidCertificateSigningRequest"), "{text}");
    }
    let request = json!({"certificateSigningRequest": "nonsense"}).to_string();
    assert_eq!(rejection(&mut bench, CSR, &request).1, "InvalidCertificateSigningRequest");
}

#[test]
fn a_token_is_good_for_an_hour_and_its_certificate_goes_with_it() {
    let mut bench = bench();
    bench.ask(CREATE, "{}");
    bench.ask(CREATE, "{}");
    bench.now = 3599;
    bench.ask(REGISTER, registration("token-1", "1"));
    // A device that has missed the answer asks again.
    let again = bench.ask(REGISTER, registration("token-1", "1"));
    assert_eq!(again.json()["thingName"], "lamp_1");
    assert_eq!(bench.wait(0), []);
    let before = bench.registry.len();

    bench.now = 3600;
    let (status, code, text) = rejection(&mut bench, REGISTER, &registration("token-2", "2"));
    assert_eq!((status, code.as_str()), (400, "InvalidCertificateOwnershipToken"), "{text}");
    bench.wait(0);
    let deleted = RegistryChange::CertificateDeleted { certificate_id: "cert-2".to_owned() };
    assert_eq!(bench.registry[before..], [deleted], "the one of the thing stays");
    assert_eq!(bench.services.deadline(), None);
}

#[test]
fn each_bad_request_has_its_code() {
    let mut bench = bench();
    bench.ask(CREATE, "{}");
    let token = |more: Value| {
        let mut request = json!({"certificateOwnershipToken": "token-1"});
        request["parameters"] = more;
        request.to_string()
    };
    let cases = [
        (CREATE, "{".to_owned(), 400, "InvalidPayload"),
        (CREATE, "[]".to_owned(), 400, "InvalidPayload"),
        (REGISTER, "{}".to_owned(), 400, "InvalidCertificateOwnershipToken"),
        (REGISTER, registration("guess", "1"), 400, "InvalidCertificateOwnershipToken"),
        (REGISTER, token(json!({})), 400, "InvalidParameters"),
        (REGISTER, token(json!({"SerialNumber": 1})), 400, "InvalidParameters"),
        (REGISTER, token(json!({"SerialNumber": "a b"})), 400, "InvalidParameters"),
        (REGISTER, token(json!({"SerialNumber": "1", "Place": "Mars"})), 400, "InvalidParameters"),
        (
            "$aws/provisioning-templates/none/provision/json",
            registration("token-1", "1"),
            404,
            "TemplateNotFound",
        ),
    ];
    for (topic, payload, status, code) in cases {
        let (found, name, text) = rejection(&mut bench, topic, &payload);
        assert_eq!((found, name.as_str()), (status, code), "{payload}: {text}");
    }
    let text = rejection(&mut bench, REGISTER, "{}").2;
    assert_eq!(text, "Certificate ownership token cannot be empty.");
    assert_eq!(bench.registry.len(), 1, "nothing was registered");
}

#[test]
fn without_an_authority_there_are_no_certificates() {
    let mut bench = Bench::default();
    let sent = bench.with(|services, time, out| {
        let request = evenkeel_aws::Request { time, client: "c", topic: CREATE, payload: b"" };
        services.on_publish(&request, &mut evenkeel_aws::NoIssuer, out);
    });
    assert_eq!(sent[0].json()["errorCode"], "InternalFailure");
}

#[test]
fn a_certificate_is_of_one_thing() {
    let mut bench = bench();
    bench.ask(CREATE, "");
    let accepted = format!("{REGISTER}/accepted");
    assert_eq!(bench.ask(REGISTER, registration("token-1", "7")).topic, accepted);
    let (status, code, _) = rejection(&mut bench, REGISTER, &registration("token-1", "8"));
    assert_eq!((status, code.as_str()), (400, "InvalidCertificateOwnershipToken"));
    let things = bench.registry.iter().filter_map(|change| match change {
        RegistryChange::ThingRegistered(registration) => Some(registration.thing_name.as_str()),
        _ => None,
    });
    assert_eq!(things.collect::<Vec<&str>>(), ["lamp_7"]);
    // Who has missed the answer may ask again, of a later process too.
    let mut written = evenkeel_aws::WrittenState::default();
    for (name, value) in bench.services.state(bench.time()) {
        let line = evenkeel_aws::WrittenState::line([(&*name, Some(&*value))]);
        written.add(line.as_bytes()).expect("a line");
    }
    bench.services.load(written, bench.time()).expect("what was written");
    assert_eq!(bench.ask(REGISTER, registration("token-1", "7")).topic, accepted);
    assert_eq!(rejection(&mut bench, REGISTER, &registration("token-1", "8")).0, 400);
}

#[test]
fn certificates_and_payloads_are_bounded() {
    let provisioning =
        ProvisioningLimits { pending: 1, payload_bytes: 4, ..ProvisioningLimits::AWS };
    let mut bench = Bench::new(Limits { provisioning, ..Limits::AWS });
    assert_eq!(rejection(&mut bench, CREATE, "{   }").1, "InvalidPayload");
    assert_eq!(bench.ask(CREATE, "{  }").topic, format!("{CREATE}/accepted"));
    let (status, code, _) = rejection(&mut bench, CREATE, "{}");
    assert_eq!((status, code.as_str()), (429, "Throttled"));
    bench.wait(3600);
    assert_eq!(bench.ask(CREATE, "{}").topic, format!("{CREATE}/accepted"));
}

#[test]
fn secrets_are_not_in_debug() {
    let mut bench = bench();
    let mut effects = evenkeel_aws::Effects::new();
    let request =
        evenkeel_aws::Request { time: bench.time(), client: "c", topic: CREATE, payload: b"" };
    let mut issuer = crate::bench::Counter::default();
    bench.services.on_publish(&request, &mut issuer, &mut effects);
    let shown = format!("{effects:?} {:?}", bench.services);
    assert!(!shown.contains("key-1") && !shown.contains("token-1"), "{shown}");
}

#[test]
fn templates_are_checked_when_they_are_set() {
    let provisioning = ProvisioningLimits { templates: 1, ..ProvisioningLimits::AWS };
    let mut bench = Bench::new(Limits { provisioning, ..Limits::AWS });
    let provisioning = bench.services.provisioning();
    let text = template().to_string();
    let error = provisioning.set_template("no name", &text).expect_err("a name");
    assert!(matches!(error, TemplateError::Name { .. }), "{error}");
    let error = provisioning.set_template("a", "{\n  \"Resources\": 1}").expect_err("JSON");
    assert!(error.to_string().contains("line 2"), "{error}");
    let error = provisioning.set_template("a", &" ".repeat(10_241)).expect_err("size");
    assert!(matches!(error, TemplateError::TooLarge { limit: 10_240, .. }), "{error}");
    let mut without = template();
    without["Resources"]["thing"]["Type"] = json!("AWS::IoT::Policy");
    let error = provisioning.set_template("a", &without.to_string()).expect_err("a thing");
    let expected = TemplateError::Resource { kind: "AWS::IoT::Thing", found: 0 };
    assert_eq!(error.to_string(), expected.to_string());

    let full = format!("{text}{}", " ".repeat(10_240 - text.len()));
    provisioning.set_template("a", &full).expect("the longest");
    provisioning.set_template("a", &text).expect("replaced");
    let error = provisioning.set_template("b", &text).expect_err("one too many");
    assert!(matches!(error, TemplateError::TooMany { limit: 1 }), "{error}");
}

#[test]
fn functions_that_cannot_be_called_are_named() {
    for (call, named) in [
        (json!({"Ref": "Nobody"}), "Nobody"),
        (json!({"Fn::Join": ["", [1]]}), "Fn::Join"),
        (json!({"Fn::Select": ["3", ["a"]]}), "Fn::Select"),
        (json!({"Fn::Select": [0, [null]]}), "Fn::Select"),
        (json!({"Fn::Split": ["", "a"]}), "Fn::Split"),
        (json!({"Fn::FindInMap": ["Urls", "Oslo", "None"]}), "Fn::FindInMap"),
        (json!({"Fn::Sub": "${Nobody}"}), "Nobody"),
        (json!({"Fn::Sub": "${SerialNumber"}), "Fn::Sub"),
        (json!({"Fn::Base64": "a"}), "Fn::Base64"),
    ] {
        let mut bench = Bench::default();
        let mut template = template();
        template["Resources"]["thing"]["Properties"]["AttributePayload"]["a"] = call.clone();
        let provisioning = bench.services.provisioning();
        provisioning.set_template("fleet", &template.to_string()).expect("a template");
        bench.ask(CREATE, "");
        let (_, code, text) = rejection(&mut bench, REGISTER, &registration("token-1", "1"));
        assert_eq!(code, "InvalidParameters");
        assert!(text.contains(named), "{call}: {text}");
    }
}
