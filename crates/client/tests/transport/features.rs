//! Builds without a feature say so, instead of connecting in another way than was asked for.

use evenkeel::transport::internals::Opener;

use crate::support::endpoint;

fn check(url: &str) -> Result<(), String> {
    Opener::default().check(&endpoint(url)).map_err(|error| format!("{error:#}"))
}

#[test]
fn plain_tcp_is_always_there() {
    assert_eq!(check("mqtt://h"), Ok(()));
}

#[cfg(not(feature = "tls"))]
#[test]
fn without_tls() {
    let text = "this build has no TLS; build with the feature 'tls'";
    assert_eq!(check("mqtts://h"), Err(text.to_owned()));
}

#[cfg(all(feature = "tls", not(any(feature = "ring", feature = "aws-lc-rs"))))]
#[test]
fn without_cryptography() {
    let text = "this build has no TLS cryptography; \
                build with the feature 'ring' or 'aws-lc-rs'";
    assert_eq!(check("mqtts://h"), Err(text.to_owned()));
}

#[cfg(not(feature = "websocket"))]
#[test]
fn without_websocket() {
    let text = "this build has no WebSocket; build with the feature 'websocket'";
    assert_eq!(check("ws://h"), Err(text.to_owned()));
}
