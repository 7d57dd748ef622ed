//! The HTTP API of an emulated account, by AWS's own SDK for Python (boto3), which signs its
//! requests, and by curl with a client certificate.

use std::process::{Command, Output};

use evenkeel_aws::emulator::Emulator;
use evenkeel_aws::emulator::settings::{Settings, read};
use evenkeel_aws::gate::policy::Policy;
use evenkeel_aws::gate::{CertificateId, CertificateStatus, Gate, Thing};
use evenkeel_aws::{NoIssuer, Services};
use evenkeel_broker::core::Parts;
use evenkeel_broker::{Broker, Role, Tls};
use evenkeel_interop::certificates::Certificates;
use evenkeel_interop::folder::Folder;
use evenkeel_interop::python;
use serde_json::json;

const ALL: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
const NOTHING: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Deny", "Action": "*", "Resource": "*"}}"#;

const SETTINGS: &str = r#"
[keys.AKIDEXAMPLE]
secret = "s3cret"
policies = ["all"]
[keys.AKIDNOBODY]
secret = "s3cret"
policies = ["nothing"]
"#;

/// An account with a thing, behind a listener for HTTP and one on which ALPN decides.
async fn account() -> Broker {
    let certificates = Certificates::shared();
    let (mut gate, mut services) = (Gate::default(), Services::default());
    for (name, text) in [("all", ALL), ("nothing", NOTHING)] {
        gate.registry.set_policy(name, Policy::parse(text).unwrap()).unwrap();
    }
    gate.registry.set_thing("sdk-thing", Thing::default()).unwrap();
    let id = CertificateId::of_pem(&certificates.client.certificate).unwrap();
    gate.registry.register(id, CertificateStatus::Active).unwrap();
    gate.registry.attach_policy(id, "all").unwrap();
    read::<Settings>(SETTINGS).unwrap().apply(&mut gate, &mut services).unwrap();
    let emulator = Emulator::new(gate, services, Box::new(NoIssuer), 1);
    let tls = Tls::from_pem_asking(
        certificates.server.certificate.as_bytes(),
        certificates.server.key.as_bytes(),
        certificates.authority.as_bytes(),
    );
    let tls = tls.unwrap();
    let builder = Broker::builder()
        .profile(evenkeel::profile::aws_iot_core())
        .configure(|config| config.behaviour.sys_interval = None)
        .bind_https("127.0.0.1:0", tls.clone())
        .bind_role(Role::Alpn, "127.0.0.1:0", tls);
    builder.start_with(Box::new(emulator), Box::new(|_: &Parts| Ok(()))).await.unwrap()
}

async fn run(mut command: Command) -> (bool, String, String) {
    let run = tokio::task::spawn_blocking(move || command.output());
    let Output { status, stdout, stderr } = run.await.unwrap().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (status.success(), text(&stdout), text(&stderr))
}

#[tokio::test]
async fn boto3_publishes_and_asks_for_messages_shadows_and_jobs() {
    let Some(python) = python::with_boto3() else { return };
    let broker = account().await;
    let job = json!({"ask": "job-create", "job": "flush", "document": {"do": "flush"},
        "things": ["sdk-thing"]});
    for address in [broker.https_addr(), broker.alpn_addr()] {
        assert_eq!(broker.ask(&job).unwrap()["job"], "flush");
        let folder = Folder::new().unwrap();
        let mut command = Command::new(&python);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/aws_http.py"));
        command.arg(address.unwrap().port().to_string());
        command.arg(folder.write("ca.pem", &Certificates::shared().authority).unwrap());
        let (is_good, out, err) = run(command).await;
        let events: Vec<_> = broker.recorded().iter().map(|event| event.to_json()).collect();
        assert!(is_good, "{out}{err}\n{events:#?}");
        let out = out.replace("updated: 2", "updated: 1");
        let expected = "publish: InvalidRequestException 400 Invalid topic\n\
            retained: b'4.2' qos 1 [{'unit': 'm'}]\n\
            pages: [['site/7/level'], ['site/8 a=b&c']]\n\
            paginator: ['site/7/level', 'site/8 a=b&c']\n\
            none: ResourceNotFoundException 404 No retained message\n\
            updated: 1\n\
            delta: {'level': 5}\n\
            named: ['a', 'b']\n\
            stale: ConflictException 409 Version conflict\n\
            deleted: No shadow exists with name: 'sdk-thing'\n\
            queued: ['flush']\n\
            started: {\"do\":\"flush\"}\n\
            described: IN_PROGRESS 2\n\
            stale: VersionConflictException 409 Expected version 9, but the execution has version 2\n\
            done: SUCCEEDED\n\
            again: InvalidStateTransitionException 409 An execution in state SUCCEEDED cannot \
            become SUCCEEDED\n\
            over: TerminalStateException 410 The execution has ended in state SUCCEEDED\n\
            gone: ResourceNotFoundException 404 The client is not connected\n\
            AKIDNOBODY: ForbiddenException 403 Forbidden\n\
            AKIDEXAMPLE: ForbiddenException 403 Forbidden\n\
            AKIDOTHER: ForbiddenException 403 Forbidden\n";
        assert_eq!(out, expected, "{err}");
    }
}

/// Whether there is curl; on a CI machine there must be.
fn has_curl() -> bool {
    let has_one = Command::new("curl").arg("--version").output().is_ok();
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(has_one || !is_ci, "curl is missing on a CI machine");
    if !has_one {
        eprintln!("SKIPPED: curl is not installed");
    }
    has_one
}

#[tokio::test]
async fn curl_publishes_by_a_certificate() {
    if !has_curl() {
        return;
    }
    let broker = account().await;
    let certificates = Certificates::shared();
    let folder = Folder::new().unwrap();
    let file = |name: &str, text: &str| folder.write(name, text).unwrap();
    let authority = file("ca.pem", &certificates.authority);
    let certificate = file("client.pem", &certificates.client.certificate);
    let key = file("client.key", &certificates.client.key);
    let ask = |port: u16, path: &str, with_certificate: bool| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--data-binary", "4.2", "--cacert"]);
        command.arg(&authority).args(["--write-out", " %{http_code}"]);
        if with_certificate {
            command.arg("--cert").arg(&certificate).arg("--key").arg(&key);
        }
        command.arg(format!("https://localhost:{port}{path}"));
        command
    };
    let https = broker.https_addr().unwrap().port();
    let alpn = broker.alpn_addr().unwrap().port();
    for (port, path, with_certificate, status) in [
        (https, "/topics/site/7?qos=1", true, "200"),
        (https, "/topics/site%2F7?qos=1&retain=true", true, "200"),
        (https, "/topics/site/7?qos=2", true, "400"),
        (https, "/topics/site/7", false, "403"),
        // Of curl's protocols that is `http/1.1`, by which certificates do not count.
        (alpn, "/topics/site/7", true, "403"),
    ] {
        let (is_good, out, err) = run(ask(port, path, with_certificate)).await;
        assert!(is_good && out.ends_with(status), "{port} {path}: {out} {err}");
        assert!(out.contains("\"traceId\":\""), "{out}");
    }
    assert_eq!(broker.retained_count(), 1);
}
