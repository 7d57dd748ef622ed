//! Verifies Signature Version 4 in a query as AWS IoT Core does. Written from AWS's description,
//! with cryptography of its own: it shares nothing with the client's signer.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// What a good signature says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) access_key_id: String,
    /// As in `20261129T120000Z`.
    pub(crate) date: String,
    pub(crate) token: Option<String>,
}

/// Verifies the request for this target, with these headers in small letters, by this key.
pub(crate) fn verify(
    target: &str,
    header: impl Fn(&str) -> Option<String>,
    secret: &str,
    region: &str,
) -> Result<Signed, String> {
    let (path, query) = target.split_once('?').ok_or("there is no query")?;
    let mut pairs = Vec::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').ok_or("a parameter has no value")?;
        pairs.push((decoded(name)?, decoded(value)?));
    }
    let one = |name: &str| {
        let mut values = pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value.clone()),
            (None, _) => Err(format!("{name} is missing")),
            (Some(_), Some(_)) => Err(format!("{name} is there twice")),
        }
    };
    if one("X-Amz-Algorithm")? != "AWS4-HMAC-SHA256" {
        return Err("another algorithm".to_owned());
    }
    let (credential, date) = (one("X-Amz-Credential")?, one("X-Amz-Date")?);
    let (access_key_id, scope) = credential.split_once('/').ok_or("a credential without scope")?;
    let day = date.get(..8).ok_or("a date without day")?;
    if scope != format!("{day}/{region}/iotdevicegateway/aws4_request") {
        return Err(format!("the scope is {scope}"));
    }
    // For this service the token is not signed.
    let unsigned = ["X-Amz-Signature", "X-Amz-Security-Token"];
    let signed = pairs.iter().filter(|(name, _)| !unsigned.contains(&name.as_str()));
    let mut signed: Vec<String> =
        signed.map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    signed.sort();
    let names = one("X-Amz-SignedHeaders")?;
    if !names.split(';').any(|name| name == "host") {
        return Err("the host is not signed".to_owned());
    }
    let mut headers = String::new();
    for name in names.split(';') {
        let value = header(name).ok_or_else(|| format!("the header {name} is missing"))?;
        headers += &format!("{name}:{}\n", value.trim());
    }
    let request =
        ["GET", path, &signed.join("&"), &headers, &names, &hex(&Sha256::digest(b""))].join("\n");
    let text = ["AWS4-HMAC-SHA256", &date, scope, &hex(&Sha256::digest(request))].join("\n");
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [day, region, "iotdevicegateway", "aws4_request"] {
        key = hmac(&key, part);
    }
    if hex(&hmac(&key, &text)) != one("X-Amz-Signature")? {
        return Err("the signature is wrong".to_owned());
    }
    let token = one("X-Amz-Security-Token").ok();
    Ok(Signed { access_key_id: access_key_id.to_owned(), date: date.clone(), token })
}

fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).unwrap();
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let one = |byte: u8| {
        if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(one).collect()
}

fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let escape = rest.strip_prefix('%').map(|rest| rest.get(..2).ok_or("half an escape"));
        match escape.transpose()? {
            Some(digits) => {
                bytes.push(u8::from_str_radix(digits, 16).map_err(|_| "no escape")?);
                rest = &rest[3..];
            }
            None => {
                bytes.extend(first.to_string().bytes());
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| "no UTF-8".to_owned())
}

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// The signatures are those of AWS's own signers: awscrt 0.36.1 and AWSIoTPythonSDK 1.6.2.
#[test]
fn aws_own_signatures_are_good() {
    let header = |name: &str| match name {
        "host" => Some("a1b2c3d4e5f6g7-ats.iot.us-east-1.amazonaws.com".to_owned()),
        "connection" => Some("Upgrade".to_owned()),
        _ => None,
    };
    for (headers, expires, signature) in [
        ("host", "", "1eaa2cf4a7ea58729083490a310d4130b42d4bfea3f4d759941ab40e30538afa"),
        (
            "host",
            "X-Amz-Expires=86400&",
            "b73404710a18092eab53a2ef894cf7d37951413a8abdab5454cdbb5bcc153391",
        ),
        (
            "connection%3Bhost",
            "",
            "b74454e1b5729cadd3f7198a51e6a9f00883edd0bdd5bf97012829262d0257a9",
        ),
    ] {
        let target = |signature: &str| {
            format!(
                "/mqtt?X-Amz-Signature={signature}&{expires}X-Amz-SignedHeaders={headers}\
                 &X-Amz-Date=20261129T120000Z&X-Amz-Algorithm=AWS4-HMAC-SHA256\
                 &X-Amz-Security-Token=a%2Fb\
                 &X-Amz-Credential=AKIDEXAMPLE%2F20261129%2Fus-east-1%2Fiotdevicegateway%2F\
                 aws4_request"
            )
        };
        let of = |target: &str, secret: &str, region: &str| verify(target, header, secret, region);
        let good = Signed {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            date: "20261129T120000Z".to_owned(),
            token: Some("a/b".to_owned()),
        };
        let signed = target(signature);
        assert_eq!(of(&signed, SECRET, "us-east-1"), Ok(good));
        assert!(of(&signed, &SECRET.replace('w', "W"), "us-east-1").is_err());
        assert!(of(&signed, SECRET, "us-east-2").is_err());
        assert!(of(&signed.replace("T12", "T13"), SECRET, "us-east-1").is_err());
        assert!(of(&signed.replace("/mqtt", "/mqtt2"), SECRET, "us-east-1").is_err());
        assert!(verify(&signed, |_| Some("other".to_owned()), SECRET, "us-east-1").is_err());
    }
}
