//! Signatures in the header of requests, by AWS's own signer, and what is wrong with others.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_aws::gate::Request;
use evenkeel_aws::gate::sigv4::{AccessKey, SignatureError, Verifier};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "AQoDYXdzEJr//////////wEa+test/token==";
/// 2026-11-29, noon.
const NOON: u64 = 1_795_953_600;

const TOPIC: &str = "/topics/site%2F7%2Flevel?qos=1";
const SERVICES: [&str; 2] = ["iotdata", "iotdevicegateway"];

/// Signatures by botocore 1.44.8 under a fixed clock, for `localhost:8443`.
const PLAIN: &str = "7a6cbaa980a9931be4dec0c21c1ec8f6526da600dda33899ae0985359f9833d0";
const WITH_TOKEN: &str = "d5a479d0e36ce50a22337737034d01fa32f6a7b40ead92778d7dc678f36c68d5";
const START_NEXT: &str = "84eb9434e3824c051fed38120e11063629978953e3650fb03f21a510c6235cb6";

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

fn authorization(service: &str, headers: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261129/us-east-1/{service}/aws4_request, \
         SignedHeaders={headers}, Signature={signature}"
    )
}

fn headers(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let always = [("host", "localhost:8443"), ("x-amz-date", "20261129T120000Z")];
    let all = always.iter().chain(more);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Verifies a publication of this body, signed without a token.
fn publish(
    body: &[u8],
    authorization: &str,
    more: &[(&str, &str)],
    seconds: u64,
) -> Result<(), SignatureError> {
    let mut all = headers(more);
    all.push(("authorization".into(), authorization.into()));
    let request = Request { method: "POST", target: TOPIC, headers: &all };
    let verifier = verifier(None);
    verifier.verify_header(&request, body, &SERVICES, Duration::from_secs(seconds)).map(|_| ())
}

#[test]
fn signatures_of_aws_own_signer() {
    let names = "host;x-amz-date";
    assert_eq!(publish(b"4.2", &authorization("iotdata", names, PLAIN), &[], NOON), Ok(()));
    let tight = authorization("iotdata", names, PLAIN).replace(", ", ",");
    assert_eq!(publish(b"4.2", &tight, &[], NOON + 300), Ok(()));

    let with_token = authorization("iotdata", "host;x-amz-date;x-amz-security-token", WITH_TOKEN);
    let more = [("x-amz-security-token", TOKEN), ("authorization", with_token.as_str())];
    let all = headers(&more);
    let request = Request { method: "POST", target: TOPIC, headers: &all };
    let now = Duration::from_secs(NOON);
    let by = |verifier: Verifier| {
        verifier.verify_header(&request, b"4.2", &SERVICES, now).map(|key| key.principal.clone())
    };
    assert_eq!(by(verifier(Some(TOKEN))).as_deref(), Ok("123456789012:user"));
    assert_eq!(by(verifier(Some("other"))), Err(SignatureError::TokenWrong));
    assert_eq!(by(verifier(None)), Err(SignatureError::TokenNotNeeded));

    let signed = authorization("iot-jobs-data", "content-type;host;x-amz-date", START_NEXT);
    let more = [("content-type", "application/json"), ("authorization", signed.as_str())];
    let all = headers(&more);
    let request = Request { method: "PUT", target: "/things/lamp/jobs/$next", headers: &all };
    let verifier = verifier(None);
    assert!(verifier.verify_header(&request, b"{}", &["iot-jobs-data"], now).is_ok());
    let elsewhere = verifier.verify_header(&request, b"{}", &SERVICES, now).unwrap_err();
    assert!(elsewhere.to_string().contains("should be \"iotdata\""), "{elsewhere}");
}

#[test]
fn a_change_anywhere_is_refused() {
    let good = authorization("iotdata", "host;x-amz-date", PLAIN);
    for (from, to, part) in [
        ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256", "Authorization is malformed"),
        ("AWS4-HMAC-SHA256", "Bearer", "Authorization is malformed"),
        ("SignedHeaders=", "Signed=", "Authorization is malformed"),
        (", Signature=", ", Signature=1, Signature=", "Authorization is malformed"),
        ("AKIDEXAMPLE", "AKIDOTHER", "no access key"),
        ("us-east-1", "eu-west-1", "region is \"eu-west-1\""),
        ("20261129", "20261128", "date is \"20261128\""),
        ("iotdata", "iot", "service is \"iot\""),
        ("iotdata", "iotdevicegateway", "does not fit"),
        ("/aws4_request", "", "malformed"),
        ("host;x-amz-date", "x-amz-date", "the host is not signed"),
        ("host;x-amz-date", "host", "header \"x-amz-date\" is not signed"),
        ("host;", "host;other;", "\"other\" is not in the request"),
        (PLAIN, WITH_TOKEN, "does not fit"),
        (PLAIN, "7a6c", "64 hexadecimal digits"),
    ] {
        let error = publish(b"4.2", &good.replacen(from, to, 1), &[], NOON).unwrap_err();
        assert!(error.to_string().contains(part), "{from} {to}: {error}");
        assert!(!error.to_string().contains(SECRET));
    }
    for (body, more, seconds, part) in [
        (&b"4.3"[..], &[][..], NOON, "does not fit"),
        (b"4.2", &[], NOON + 301, "ended 1 s ago"),
        (b"4.2", &[], NOON - 301, "in the future"),
        (b"4.2", &[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")], NOON, "of the body"),
        (b"4.2", &[("x-amz-date", "20261129T120000Z")], NOON, "twice"),
        (b"4.2", &[("x-amz-security-token", TOKEN)], NOON, "\"x-amz-security-token\" is not"),
        (b"4.2", &[("x-amz-mqtt5-user-properties", "W10=")], NOON, "user-properties\" is not"),
    ] {
        let error = publish(body, &good, more, seconds).unwrap_err();
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    let bare = [("host".to_owned(), "localhost:8443".to_owned())];
    let request = Request { method: "POST", target: TOPIC, headers: &bare };
    let verifier = verifier(None);
    let error = verifier.verify_header(&request, b"", &SERVICES, Duration::ZERO).unwrap_err();
    assert_eq!(error, SignatureError::Missing("Authorization"));
}
