//! Signatures of AWS's own SDKs, and what is wrong with others.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_aws::gate::Request;
use evenkeel_aws::gate::sigv4::{AccessKey, Guess, SignatureError, Verifier};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

const HOST: &str = "a1b2c3d4e5f6g7-ats.iot.us-east-1.amazonaws.com";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "AQoDYXdzEJr//////////wEa+test/token==";
/// 2026-11-29, noon.
const NOON: u64 = 1_795_953_600;

/// Signatures by awscrt and AWSIoTPythonSDK under a fixed clock.
const HOST_ALONE: &str = "1eaa2cf4a7ea58729083490a310d4130b42d4bfea3f4d759941ab40e30538afa";
const HOST_AND_EXPIRES: &str = "b73404710a18092eab53a2ef894cf7d37951413a8abdab5454cdbb5bcc153391";
const CONNECTION_AND_HOST: &str =
    "b74454e1b5729cadd3f7198a51e6a9f00883edd0bdd5bf97012829262d0257a9";
/// The canonical request of the first, by the same signers.
const HOST_ALONE_CANONICAL: &str =
    "45eea167bfc1953374aa3411fed9b6811b7bd62127a68c11cc259ddafe031edf";

fn verifier(token: Option<&str>) -> Verifier {
    let key = AccessKey {
        secret: SECRET.to_owned(),
        session_token: token.map(str::to_owned),
        expires: None,
        principal: "123456789012:user".to_owned(),
        policies: vec!["all".to_owned()],
    };
    Verifier {
        region: "us-east-1".to_owned(),
        service: "iotdevicegateway".to_owned(),
        keys: BTreeMap::from([("AKIDEXAMPLE".to_owned(), key)]),
    }
}

/// The query of the golden signatures, with these headers and signature.
fn query(headers: &str, signature: &str) -> String {
    format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIDEXAMPLE%2F20261129%2Fus-east-1%2Fiotdevicegateway%2Faws4_request\
         &X-Amz-Date=20261129T120000Z&X-Amz-SignedHeaders={headers}&X-Amz-Signature={signature}"
    )
}

fn headers(host: &str) -> Vec<(String, String)> {
    let headers = [("Host", host), ("Upgrade", "websocket"), ("CONNECTION", " Upgrade ")];
    headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

fn verify_at(
    verifier: &Verifier,
    host: &str,
    query: &str,
    seconds: u64,
) -> Result<String, SignatureError> {
    let target = format!("/mqtt?{query}");
    let headers = headers(host);
    let request = Request { method: "GET", target: &target, headers: &headers };
    let key = verifier.verify(&request, Duration::from_secs(seconds))?;
    Ok(key.principal.clone())
}

fn verify(query: &str) -> Result<String, SignatureError> {
    verify_at(&verifier(None), HOST, query, NOON)
}

/// A signature of a canonical request, by the same key and time.
fn sign(canonical: &str) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mac = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let scope = "20261129/us-east-1/iotdevicegateway/aws4_request";
    let digest = hex(&Sha256::digest(canonical));
    let text = format!("AWS4-HMAC-SHA256\n20261129T120000Z\n{scope}\n{digest}");
    let secret = format!("AWS4{SECRET}").into_bytes();
    let key = scope.split('/').fold(secret, |key, part| mac(&key, part));
    hex(&mac(&key, &text))
}

/// A canonical request with a query that has its signed parameters in order.
fn canonical(query: &str, headers: &str, names: &str) -> String {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    format!("GET\n/mqtt\n{query}\n{headers}\n{names}\n{empty}")
}

#[test]
fn signatures_of_aws_own_signers() {
    for (headers, signature, expires) in [
        ("host", HOST_ALONE, ""),
        ("host", HOST_AND_EXPIRES, "&X-Amz-Expires=86400"),
        ("connection%3Bhost", CONNECTION_AND_HOST, ""),
        ("connection;host", CONNECTION_AND_HOST, ""),
    ] {
        let query = query(headers, signature) + expires;
        assert_eq!(verify(&query).as_deref(), Ok("123456789012:user"), "{headers} {expires}");
    }
    let canonical = canonical(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIDEXAMPLE%2F20261129%2Fus-east-1%2Fiotdevicegateway%2Faws4_request\
         &X-Amz-Date=20261129T120000Z&X-Amz-SignedHeaders=host",
        &format!("host:{HOST}\n"),
        "host",
    );
    assert_eq!(sign(&canonical), HOST_ALONE, "the signer of these tests is a good one");
}

#[test]
fn the_token_may_stand_anywhere_and_is_not_signed() {
    let verifier = verifier(Some(TOKEN));
    let good = query("host", HOST_ALONE);
    let legacy = TOKEN.replace('+', "%2B").replace('=', "%3D");
    let strict = legacy.replace('/', "%2F");
    for token in [TOKEN, legacy.as_str(), strict.as_str()] {
        for query in [
            format!("{good}&X-Amz-Security-Token={token}"),
            format!("X-Amz-Security-Token={token}&{good}"),
            good.replace("&X-Amz-Date", &format!("&X-Amz-Security-Token={token}&X-Amz-Date")),
        ] {
            assert!(verify_at(&verifier, HOST, &query, NOON).is_ok(), "{query}");
        }
    }
    let missing = verify_at(&verifier, HOST, &good, NOON);
    assert_eq!(missing, Err(SignatureError::TokenMissing));
    let wrong = format!("{good}&X-Amz-Security-Token=other");
    let wrong = verify_at(&verifier, HOST, &wrong, NOON).unwrap_err();
    assert_eq!(wrong, SignatureError::TokenWrong);
    assert!(!wrong.to_string().contains("AQoD"));
    let unneeded = verify(&format!("{good}&X-Amz-Security-Token={TOKEN}"));
    assert_eq!(unneeded, Err(SignatureError::TokenNotNeeded));
}

#[test]
fn a_signed_token_is_told_as_such() {
    let signed = canonical(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIDEXAMPLE%2F20261129%2Fus-east-1%2Fiotdevicegateway%2Faws4_request\
         &X-Amz-Date=20261129T120000Z&X-Amz-Security-Token=t&X-Amz-SignedHeaders=host",
        &format!("host:{HOST}\n"),
        "host",
    );
    let query = query("host", &sign(&signed)) + "&X-Amz-Security-Token=t";
    let error = verify_at(&verifier(Some("t")), HOST, &query, NOON).unwrap_err();
    let SignatureError::Mismatch { canonical, guess } = &error else { panic!("{error}") };
    assert_eq!((canonical.as_str(), *guess), (HOST_ALONE_CANONICAL, Guess::TokenSigned));
    assert!(error.to_string().contains("must not be signed"), "{error}");
}

#[test]
fn the_order_on_the_wire_is_free() {
    let query = query("host", HOST_ALONE);
    let mut parts: Vec<&str> = query.split('&').collect();
    for _ in 0..parts.len() {
        parts.rotate_left(1);
        assert!(verify(&parts.join("&")).is_ok(), "{parts:?}");
    }
    parts.reverse();
    assert!(verify(&parts.join("&")).is_ok());
}

#[test]
fn the_port_of_the_host_is_signed_or_not() {
    let good = query("host", HOST_ALONE);
    let verifier = verifier(None);
    for host in [HOST.to_owned(), HOST.to_uppercase(), format!("{HOST}:28993")] {
        assert!(verify_at(&verifier, &host, &good, NOON).is_ok(), "{host}");
    }
    let with_port = canonical(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIDEXAMPLE%2F20261129%2Fus-east-1%2Fiotdevicegateway%2Faws4_request\
         &X-Amz-Date=20261129T120000Z&X-Amz-SignedHeaders=host",
        &format!("host:{HOST}:28993\n"),
        "host",
    );
    let with_port = query("host", &sign(&with_port));
    assert!(verify_at(&verifier, &format!("{HOST}:28993"), &with_port, NOON).is_ok());
    for host in [HOST.to_owned(), format!("{HOST}:28994"), format!("{HOST}:"), "x".into()] {
        let error = verify_at(&verifier, &host, &with_port, NOON).unwrap_err();
        assert!(matches!(error, SignatureError::Mismatch { .. }), "{host}: {error}");
    }
}

#[test]
fn other_parameters_are_signed() {
    let signed = canonical(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIDEXAMPLE%2F20261129%2Fus-east-1%2Fiotdevicegateway%2Faws4_request\
         &X-Amz-Date=20261129T120000Z&X-Amz-SignedHeaders=host&a=%20%2B&a=b",
        &format!("host:{HOST}\n"),
        "host",
    );
    let query = query("host", &sign(&signed));
    assert!(verify(&format!("{query}&a=b&a=%20+")).is_ok());
    assert!(verify(&format!("{query}&a=b&a=%20")).is_err());
    assert!(verify(&query).is_err());
}

#[test]
fn both_sides_of_the_time_window() {
    let plain = query("host", HOST_ALONE);
    let day = query("host", HOST_AND_EXPIRES) + "&X-Amz-Expires=86400";
    let verifier = verifier(None);
    let late = |seconds| Err(SignatureError::Late { by: Duration::from_secs(seconds) });
    let early = |seconds| Err(SignatureError::Early { by: Duration::from_secs(seconds) });
    let ok = || Ok("123456789012:user".to_owned());
    for (query, seconds, expected) in [
        (&plain, NOON - 301, early(301)),
        (&plain, NOON - 300, ok()),
        (&plain, NOON + 300, ok()),
        (&plain, NOON + 301, late(1)),
        (&day, NOON - 301, early(301)),
        (&day, NOON - 300, ok()),
        (&day, NOON + 86_400, ok()),
        (&day, NOON + 86_401, late(1)),
        (&plain, 0, early(NOON)),
    ] {
        assert_eq!(verify_at(&verifier, HOST, query, seconds), expected, "{query} {seconds}");
    }
    let mut verifier = verifier;
    for key in verifier.keys.values_mut() {
        key.expires = Some(Duration::from_secs(NOON + 10));
    }
    assert_eq!(verify_at(&verifier, HOST, &plain, NOON + 9), ok());
    let ended = verify_at(&verifier, HOST, &plain, NOON + 10);
    assert_eq!(ended, Err(SignatureError::KeyExpired { by: Duration::ZERO }));
}

#[test]
fn each_parameter_has_its_form() {
    let good = query("host", HOST_ALONE);
    let swap = |from: &str, to: &str| verify(&good.replace(from, to)).unwrap_err().to_string();
    for (from, to, part) in [
        ("X-Amz-Algorithm=AWS4-HMAC-SHA256&", "", "X-Amz-Algorithm is missing"),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", "hint: AWS4-HMAC-SHA256"),
        ("X-Amz-Date=20261129T120000Z&", "", "X-Amz-Date is missing"),
        ("20261129T120000Z", "20261129T1200", "X-Amz-Date is"),
        ("20261129T120000Z", "20261130T120000Z", "date is \"20261129\""),
        ("%2Faws4_request", "", "X-Amz-Credential is malformed"),
        ("aws4_request", "aws5_request", "end is \"aws5_request\""),
        ("us-east-1", "eu-west-1", "region is \"eu-west-1\" and should be \"us-east-1\""),
        ("iotdevicegateway", "iotdata", "service is \"iotdata\""),
        ("AKIDEXAMPLE", "AKIDOTHER", "no access key is called \"AKIDOTHER\""),
        ("SignedHeaders=host", "SignedHeaders=", "X-Amz-SignedHeaders is malformed"),
        ("SignedHeaders=host", "SignedHeaders=Host", "X-Amz-SignedHeaders is malformed"),
        ("SignedHeaders=host", "SignedHeaders=host;connection", "in order"),
        ("SignedHeaders=host", "SignedHeaders=host;host", "in order"),
        ("SignedHeaders=host", "SignedHeaders=connection", "the host is not signed"),
        ("SignedHeaders=host", "SignedHeaders=host;x-y", "\"x-y\" is not in the request"),
        (HOST_ALONE, &HOST_ALONE[1..], "64 hexadecimal digits"),
        (HOST_ALONE, &HOST_ALONE.to_uppercase(), "64 hexadecimal digits"),
        (HOST_ALONE, HOST_AND_EXPIRES, HOST_ALONE_CANONICAL),
        ("%2F20261129", "%2F2026112%", "malformed escape"),
    ] {
        assert!(swap(from, to).contains(part), "{from} {to}: {}", swap(from, to));
    }
    for (expires, part) in [("0", "1 to 604800"), ("604801", "1 to 604800"), ("-1", "1 to")] {
        let error = verify(&format!("{good}&X-Amz-Expires={expires}")).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    for twice in
        ["X-Amz-Date=20261129T120000Z", "X-Amz-Signature=0", "X-Amz-Expires=1&X-Amz-Expires=1"]
    {
        let error = verify(&format!("{good}&{twice}")).unwrap_err();
        assert!(matches!(error, SignatureError::Twice(_)), "{twice}: {error}");
    }
}

#[test]
fn a_byte_changed_anywhere_is_a_mismatch() {
    let good = query("host", HOST_ALONE);
    let target = format!("/mqtt?{good}");
    let other_method = Request { method: "POST", target: &target, headers: &headers(HOST) };
    let path = format!("/mqtt2?{good}");
    let other_path = Request { method: "GET", target: &path, headers: &headers(HOST) };
    for request in [other_method, other_path] {
        let error = verifier(None).verify(&request, Duration::from_secs(NOON)).unwrap_err();
        assert!(matches!(error, SignatureError::Mismatch { guess: Guess::SecretOrText, .. }));
    }
    let mut other_secret = verifier(None);
    for key in other_secret.keys.values_mut() {
        key.secret.push('x');
    }
    let error = verify_at(&other_secret, HOST, &good, NOON).unwrap_err();
    assert!(matches!(error, SignatureError::Mismatch { .. }));
}

#[test]
fn secrets_are_shown_nowhere() {
    let shown = format!("{:?}", verifier(Some(TOKEN)));
    assert!(!shown.contains(SECRET) && !shown.contains("AQoD"), "{shown}");
    let target = format!("/mqtt?{}&X-Amz-Security-Token={TOKEN}", query("host", HOST_ALONE));
    let request = Request { method: "GET", target: &target, headers: &headers(HOST) };
    let shown = format!("{request:?}");
    assert!(shown.contains("/mqtt") && !shown.contains("X-Amz") && !shown.contains(HOST));
}
