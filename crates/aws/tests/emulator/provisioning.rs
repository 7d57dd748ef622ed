//! Fleet provisioning: the certificate it makes lets the thing in.

use std::time::Duration;

use evenkeel_aws::gate::CertificateStatus;
use evenkeel_codec::{Packet, ReasonCode, Version};
use serde_json::json;

use crate::world::*;

const TEMPLATE: &str = r#"{
  "Parameters": {"SerialNumber": {"Type": "String"},
                 "AWS::IoT::Certificate::Id": {"Type": "String"}},
  "Resources": {
    "thing": {"Type": "AWS::IoT::Thing",
              "Properties": {"ThingName": {"Fn::Join": ["-", ["pump", {"Ref": "SerialNumber"}]]}}},
    "certificate": {"Type": "AWS::IoT::Certificate",
                    "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"},
                                   "Status": "Active"}},
    "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "own"}}}}"#;

#[test]
fn a_device_gets_a_certificate_that_is_good_once_it_is_registered() {
    let (der, id) = certificate();
    let mut setup = Setup::new(OPEN);
    setup.stock = vec![id];
    setup.services.provisioning().set_template("pumps", TEMPLATE).unwrap();
    let mut world = setup.world();
    let claim = world.connect("claim");
    world.send(claim, Packet::Publish(publish("$aws/certificates/create/json", "")));
    let made = world.messages(claim);
    assert_eq!(made[0].0, "$aws/certificates/create/json/accepted");
    assert_eq!(made[0].1["certificateId"], id.to_string());

    let enter = |world: &mut World| {
        let peer = world.open_tls(Version::V5, &der, Some("localhost"));
        world.login(peer, connect(Version::V5, "pump-17"))
    };
    assert_eq!(enter(&mut world), None, "it is pending");
    let token = &made[0].1["certificateOwnershipToken"];
    let request = json!({"certificateOwnershipToken": token, "parameters": {"SerialNumber": "17"}});
    let topic = "$aws/provisioning-templates/pumps/provision/json";
    world.send(claim, Packet::Publish(publish(topic, &request.to_string())));
    let registered = world.messages(claim);
    assert_eq!(registered[0].1["thingName"], "pump-17", "{registered:?}");
    assert_eq!(enter(&mut world), Some(ReasonCode::SUCCESS));

    // It outlives the process.
    let changes = world.changed().unwrap();
    let secret = token.as_str().unwrap();
    assert!(!changes.contains(&format!("provisioning/{secret}")), "no part is named by a secret");
    let mut lines = Setup::new(OPEN).world().whole();
    lines.push(changes);
    for lines in [lines, world.whole()] {
        let mut written = evenkeel_aws::WrittenState::default();
        lines.iter().for_each(|line| written.add(line.as_bytes()).unwrap());
        assert!(!format!("{written:?}").contains(secret));
        let mut again = Setup::new(OPEN).emulator();
        let now = evenkeel_aws::Time { elapsed: Duration::ZERO, unix: Duration::from_secs(NOW) };
        again.load(written, now).unwrap();
        assert_eq!(enter(&mut World::of(again)), Some(ReasonCode::SUCCESS));
    }
}

#[test]
fn a_certificate_without_a_thing_is_gone_after_an_hour() {
    let (der, id) = certificate();
    let mut setup = Setup::new(OPEN);
    setup.stock = vec![id];
    let mut world = setup.world();
    let claim = world.connect("claim");
    world.send(claim, Packet::Publish(publish("$aws/certificates/create/json", "{}")));
    world.wait(Duration::from_secs(3600));
    let peer = world.open_tls(Version::V5, &der, Some("localhost"));
    assert_eq!(world.login(peer, connect(Version::V5, "pump-17")), None);
    let told = world.told();
    assert!(told.iter().any(|line| line.contains("is not registered")), "{told:?}");
}

#[test]
fn what_the_operator_has_taken_up_stays() {
    let status = json!({"ask": "certificate-status", "status": "ACTIVE"});
    let attach = |policies: &[&str], things: &[&str]| {
        json!({"ask": "certificate-attach", "policies": policies, "things": things,
            "exclusive": false})
    };
    for mut request in [status, attach(&["own"], &[]), attach(&[], &["lamp"])] {
        let (_, id) = certificate();
        let mut setup = Setup::new(OPEN);
        setup.thing("lamp", CertificateStatus::Active);
        setup.stock = vec![id];
        let mut world = setup.world();
        let claim = world.connect("claim");
        world.send(claim, Packet::Publish(publish("$aws/certificates/create/json", "{}")));
        request["certificate"] = json!(id.to_string());
        let answer = world.core.ask(world.now, &request).unwrap();
        assert_eq!(answer.get("error"), None, "{answer}");
        world.wait(Duration::from_secs(3600));
        let list = world.core.ask(world.now, &json!({"ask": "certificate-list"})).unwrap();
        assert!(list.to_string().contains(&id.to_string()), "{request}: {list}");
        assert!(world.whole().concat().contains(&format!("registry/certificates/{id}")));
    }
}
