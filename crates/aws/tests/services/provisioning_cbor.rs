//! Fleet provisioning in CBOR, byte by byte.

use evenkeel_aws::provisioning::RegistryChange;

use crate::bench::Bench;
use crate::provisioning::bench;

const CREATE: &str = "$aws/certificates/create/cbor";
const REGISTER: &str = "$aws/provisioning-templates/fleet/provision/cbor";

/// A text item of CBOR that is shorter than 256 bytes.
fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("short");
    let mut bytes = if length < 24 { vec![0x60 | length] } else { vec![0x78, length] };
    bytes.extend(text.as_bytes());
    bytes
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn registration(serial: &[u8]) -> Vec<u8> {
    joined(&[
        b"\xa2",
        &text("certificateOwnershipToken"),
        &text("token-1"),
        &text("parameters"),
        b"\xa1",
        &text("SerialNumber"),
        serial,
    ])
}

#[test]
fn keys_and_registration_work_in_cbor() {
    let mut bench = bench();
    for payload in [&b""[..], b"\xa0"] {
        let sent = bench.ask(CREATE, payload);
        assert_eq!(sent.topic, format!("{CREATE}/accepted"));
    }
    let mut bench = self::bench();
    let expected = joined(&[
        b"\xa4",
        &text("certificateId"),
        &text("cert-1"),
        &text("certificateOwnershipToken"),
        &text("token-1"),
        &text("certificatePem"),
        &text("pem-1"),
        &text("privateKey"),
        &text("key-1"),
    ]);
    assert_eq!(bench.ask(CREATE, "").payload, expected);

    let sent = bench.ask(REGISTER, registration(&text("9")));
    assert_eq!(sent.topic, format!("{REGISTER}/accepted"));
    assert!(sent.payload.ends_with(&joined(&[&text("thingName"), &text("lamp_9")])));
    let Some(RegistryChange::ThingRegistered(registration)) = bench.registry.last() else {
        panic!("{:?}", bench.registry)
    };
    assert_eq!(registration.thing_name, "lamp_9");
}

#[test]
fn items_of_indefinite_length_and_tags_are_read() {
    for serial in [&b"\x7f\x61\x31\x61\x32\xff"[..], b"\xc1\x62\x31\x32"] {
        let mut bench = bench();
        bench.ask(CREATE, "");
        let sent = bench.ask(REGISTER, registration(serial));
        assert!(sent.payload.ends_with(&text("lamp_12")), "{sent:?}");
    }
    let mut bench = bench();
    let empty = b"\xbf\xff";
    assert_eq!(bench.ask(CREATE, empty).topic, format!("{CREATE}/accepted"));
}

#[test]
fn what_is_no_cbor_is_rejected_in_cbor() {
    let deep = [0x81; 1000];
    let bad: [&[u8]; 12] = [
        b"{}",
        b"\xa1",
        b"\xa0\x00",
        b"\xa1\x01\x02",
        b"\xa1\x61\x61\x5f\xff",
        b"\xa1\x61\x61\x1c",
        b"\xa1\x61\xff\x01",
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x7b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xff",
        &deep,
    ];
    let mut bench = Bench::default();
    for payload in bad {
        let sent = bench.ask(CREATE, payload);
        assert_eq!(sent.topic, format!("{CREATE}/rejected"), "{payload:x?}");
        let code = joined(&[&text("errorCode"), &text("InvalidPayload")]);
        assert!(sent.payload.starts_with(&joined(&[b"\xa3", &code])), "{:x?}", sent.payload);
        let status = joined(&[&text("statusCode"), b"\x19\x01\x90"]);
        assert!(sent.payload.ends_with(&status), "{:x?}", sent.payload);
    }
    assert!(bench.registry.is_empty());
}
