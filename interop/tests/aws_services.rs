//! AWS's own SDK for Python (`awsiotsdk`) at an emulated account: its clients for shadows,
//! jobs and fleet provisioning.

use std::process::{Command, Output};

use evenkeel_aws::emulator::Emulator;
use evenkeel_aws::gate::policy::Policy;
use evenkeel_aws::gate::{CertificateId, CertificateStatus, Gate, Thing};
use evenkeel_aws::provisioning::{IssueError, Issued, Issuer};
use evenkeel_aws::{Services, Time};
use evenkeel_broker::core::Parts;
use evenkeel_broker::{Broker, Tls};
use evenkeel_interop::certificates::Certificates;
use evenkeel_interop::folder::Folder;
use evenkeel_interop::python;
use serde_json::json;

const ALL: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}"#;

const TEMPLATE: &str = r#"{
  "Parameters": {"SerialNumber": {"Type": "String"},
                 "AWS::IoT::Certificate::Id": {"Type": "String"}},
  "Resources": {
    "thing": {"Type": "AWS::IoT::Thing",
              "Properties": {"ThingName": {"Fn::Join": ["-", ["pump", {"Ref": "SerialNumber"}]]}}},
    "certificate": {"Type": "AWS::IoT::Certificate",
                    "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"},
                                   "Status": "Active"}},
    "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "all"}}}}"#;

/// Gives one certificate out again and again.
struct Same(CertificateId);

impl Issuer for Same {
    fn create(&mut self, _: Time) -> Result<Issued, IssueError> {
        Ok(Issued {
            certificate_id: self.0.to_string(),
            certificate_pem: "PEM".into(),
            private_key: Some("KEY".into()),
            ownership_token: "token".into(),
        })
    }

    fn sign(&mut self, time: Time, _: &str) -> Result<Issued, IssueError> {
        self.create(time)
    }
}

/// An account with the thing `sdk-thing`, whose certificate all clients have.
async fn account() -> Broker {
    let certificates = Certificates::shared();
    let (mut gate, mut services) = (Gate::default(), Services::default());
    gate.needs_server_name = true;
    gate.registry.set_policy("all", Policy::parse(ALL).unwrap()).unwrap();
    gate.registry.set_thing("sdk-thing", Thing::default()).unwrap();
    let id = CertificateId::of_pem(&certificates.client.certificate).unwrap();
    gate.registry.register(id, CertificateStatus::Active).unwrap();
    gate.registry.attach_policy(id, "all").unwrap();
    gate.registry.attach_thing(id, "sdk-thing", false).unwrap();
    services.provisioning().set_template("pumps", TEMPLATE).unwrap();
    let other = CertificateId::of(b"another");
    let emulator = Emulator::new(gate, services, Box::new(Same(other)), 1);
    let tls = Tls::from_pem_asking(
        certificates.server.certificate.as_bytes(),
        certificates.server.key.as_bytes(),
        certificates.authority.as_bytes(),
    );
    // With the limits of AWS, which its own SDK keeps to.
    let builder = Broker::builder()
        .profile(evenkeel::profile::aws_iot_core())
        .bind_tls("127.0.0.1:0", tls.unwrap());
    builder.start_with(Box::new(emulator), Box::new(|_: &Parts| Ok(()))).await.unwrap()
}

#[tokio::test]
async fn the_sdks_clients_for_shadows_jobs_and_provisioning() {
    let Some(python) = python::with_aws_sdk() else { return };
    let broker = account().await;
    let job = json!({"ask": "job-create", "job": "flush", "document": {"do": "flush"},
        "things": ["sdk-thing"]});
    assert_eq!(broker.ask(&job).unwrap()["job"], "flush");
    let certificates = Certificates::shared();
    let folder = Folder::new().unwrap();
    let file = |name: &str, text: &str| folder.write(name, text).unwrap();
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/aws_services.py"));
    command.arg(broker.tls_addr().unwrap().port().to_string());
    command.arg(file("ca.pem", &certificates.authority));
    command.arg(file("client.pem", &certificates.client.certificate));
    command.arg(file("client.key", &certificates.client.key));
    let run = tokio::task::spawn_blocking(move || command.output());
    let Output { status, stdout, stderr } = run.await.unwrap().unwrap();
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    let events: Vec<_> = broker.recorded().iter().map(|event| event.to_json()).collect();
    assert!(status.success(), "{status}\n{out}{err}\n{events:#?}");
    let expected = "shadow updated: 1\n\
        delta: {'level': 5}\n\
        shadow: {'level': 4} {'level': 5}\n\
        no shadow: 404\n\
        queued: ['flush']\n\
        started: {'do': 'flush'}\n\
        left: 0\n\
        registered: pump-17\n";
    assert_eq!(out, expected, "{err}");
}
