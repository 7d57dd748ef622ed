//! Custom authorizers: keys and tokens.

use evenkeel_aws::gate::authorizer::{KeyError, TokenKey};

use super::rsa::{CURVE_KEY, KEY, SIGNATURE, SMALL_KEY, TOKEN};

#[test]
fn a_signature_is_of_its_token_alone() {
    let key = TokenKey::from_pem(KEY).unwrap();
    assert!(key.has_signed(TOKEN, SIGNATURE));
    assert!(!key.has_signed("opaque-token-18", SIGNATURE));
    assert!(!key.has_signed("", SIGNATURE));
    assert!(!key.has_signed(TOKEN, ""));
    assert!(!key.has_signed(TOKEN, "no base64!"));
    let mut other = SIGNATURE.to_owned();
    other.replace_range(10..11, if &other[10..11] == "A" { "B" } else { "A" });
    assert!(!key.has_signed(TOKEN, &other));
}

#[test]
fn keys_are_rsa_and_large() {
    assert_eq!(TokenKey::from_pem(SMALL_KEY), Err(KeyError::Size(1024)));
    assert_eq!(TokenKey::from_pem(CURVE_KEY), Err(KeyError::NoRsa));
    assert_eq!(TokenKey::from_pem(""), Err(KeyError::NoPem));
    let certificate = KEY.replace("PUBLIC KEY", "CERTIFICATE");
    assert_eq!(TokenKey::from_pem(&certificate), Err(KeyError::NoPem));
    let cut = KEY.replace("5QIDAQAB\n", "");
    assert_eq!(TokenKey::from_pem(&cut), Err(KeyError::NoRsa));
    assert!(KeyError::Size(1024).to_string().contains("hint: 2048 to 8192"));
}
