//! Signed WebSockets: a signature of AWS's own signer, at its time and at others.

use std::time::Duration;

use evenkeel_broker::core::{HttpFacts, TlsFacts};
use evenkeel_codec::{ReasonCode, Version};

use crate::world::*;

/// 2026-11-29, noon.
const NOON: u64 = 1_795_953_600;
const HOST: &str = "a1b2c3d4e5f6g7-ats.iot.us-east-1.amazonaws.com";
const TARGET: &str = "/mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
    &X-Amz-Credential=AKIDEXAMPLE%2F20261129%2Fus-east-1%2Fiotdevicegateway%2Faws4_request\
    &X-Amz-Date=20261129T120000Z&X-Amz-SignedHeaders=host\
    &X-Amz-Signature=1eaa2cf4a7ea58729083490a310d4130b42d4bfea3f4d759941ab40e30538afa";
const SETTINGS: &str = r#"
region = "us-east-1"
[keys.AKIDEXAMPLE]
secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
policies = ["all"]
"#;

/// A request for a WebSocket, when the broker's clock says this.
fn upgrade(world: &mut World, unix: u64, target: &str) -> (Peer, Result<(), u16>) {
    world.core.set_wall_clock(world.now, Duration::from_secs(unix));
    let peer = world.open("wss", Version::V5);
    let tls = TlsFacts { server_name: Some(HOST.into()), ..TlsFacts::default() };
    world.core.secured(world.now, peer.id, tls);
    let headers = vec![("host".to_owned(), HOST.to_owned())];
    let http = HttpFacts { target: target.into(), headers };
    let outcome = world.core.upgrade(world.now, peer.id, http);
    world.wait(Duration::ZERO);
    (peer, outcome)
}

#[test]
fn a_signature_is_good_for_five_minutes_around_its_time() {
    let mut world = Setup::new(SETTINGS).world();
    for (unix, good) in [
        (NOON - 301, false),
        (NOON - 300, true),
        (NOON, true),
        (NOON + 300, true),
        (NOON + 301, false),
        (NOON + 3600, false),
    ] {
        let (peer, outcome) = upgrade(&mut world, unix, TARGET);
        assert_eq!(outcome, if good { Ok(()) } else { Err(403) }, "{unix}");
        if good {
            let login = world.login(peer, connect(Version::V5, "console"));
            assert_eq!(login, Some(ReasonCode::SUCCESS));
        }
    }
    let told = world.told().join("\n");
    for part in ["a WebSocket from 192.0.2.7: signed 301 s in the future", "hint: set the client's"]
    {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert_eq!(told.matches("a WebSocket from").count(), 3);
}

#[test]
fn who_has_another_key_is_refused_and_no_secret_told() {
    let mut world = Setup::new(&SETTINGS.replace("wJalr", "other")).world();
    assert_eq!(upgrade(&mut world, NOON, TARGET).1, Err(403));
    let unknown = TARGET.replace("AKIDEXAMPLE", "AKIDOTHER");
    assert_eq!(upgrade(&mut world, NOON, &unknown).1, Err(403));
    let told = world.told().join("\n");
    assert_eq!(told.matches("a WebSocket from").count(), 2, "{told}");
    assert!(!told.contains("1eaa2cf4") && !told.contains("K7MDENG"), "{told}");
    // However many come before time passes, some are enough.
    let peers: Vec<Peer> = (0..1000).map(|_| world.open("wss", Version::V5)).collect();
    for peer in peers {
        let http = HttpFacts { target: TARGET.into(), headers: Vec::new() };
        assert_eq!(world.core.upgrade(world.now, peer.id, http), Err(403));
    }
    world.wait(Duration::ZERO);
    let count = world.told().join("\n").matches("a WebSocket from").count();
    assert!((3..=102).contains(&count), "{count}");
}
