//! Somebody else's clients against the broker: mosquitto_pub and
//! mosquitto_sub, in every version and QoS and over every transport they have.
//!
//! Without these programs the tests say so and pass; with CI=true they fail.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use evenkeel_broker::{Broker, Users};
use tokio::process::{Child, Command as Program};

const VERSIONS: [&str; 3] = ["mqttv31", "mqttv311", "mqttv5"];
const TIMEOUT: Duration = Duration::from_secs(30);

/// True if the programs are there.
fn have_clients() -> bool {
    let found = ["mosquitto_pub", "mosquitto_sub"].iter().all(|name| {
        let mut program = Command::new(name);
        program.arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    });
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(
        found || !is_ci,
        "mosquitto_pub and mosquitto_sub are missing: install mosquitto-clients"
    );
    if !found {
        eprintln!("SKIPPED: mosquitto_pub and mosquitto_sub are missing (mosquitto-clients)");
    }
    found
}

async fn broker() -> Broker {
    Broker::builder().bind_tcp("127.0.0.1:0").start().await.unwrap()
}

/// A program with the arguments that lead to the broker, and some more.
fn program(name: &str, broker: &Broker, arguments: &[&str]) -> Program {
    let mut program = Program::new(name);
    if let Some(address) = broker.tcp_addr().or_else(|| broker.tls_addr()) {
        program.args(["-h", "127.0.0.1", "-p", &address.port().to_string()]);
    } else if let Some(path) = broker.unix_path() {
        program.arg("--unix").arg(path);
    }
    program.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    program
}

async fn run(name: &str, broker: &Broker, arguments: &[&str]) -> Output {
    let output = program(name, broker, arguments).output();
    tokio::time::timeout(TIMEOUT, output).await.expect("an end in time").unwrap()
}

/// Runs a program that must succeed, and returns its lines.
async fn succeed(name: &str, broker: &Broker, arguments: &[&str]) -> Vec<String> {
    let output = run(name, broker, arguments).await;
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}: {} {talk}", output.status);
    lines(&output)
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// Starts mosquitto_sub and waits until it is subscribed.
async fn subscriber(broker: &Broker, id: &str, arguments: &[&str]) -> Child {
    let mut all = vec!["-i", id];
    all.extend(arguments);
    let mut program = program("mosquitto_sub", broker, &all);
    let before = subscribed(broker, id);
    let child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let is_new = async {
        while subscribed(broker, id) == before {
            // The program runs outside of tokio's time.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, is_new).await.expect("a subscription in time");
    child
}

fn subscribed(broker: &Broker, id: &str) -> usize {
    let events = broker.recorded();
    let own = events.iter().filter(|event| event.client_id.as_deref() == Some(id));
    own.filter(|event| event.name() == "subscribed").count()
}

async fn finish(child: Child) -> Vec<String> {
    let output = tokio::time::timeout(TIMEOUT, child.wait_with_output());
    let output = output.await.expect("an end in time").unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {talk}", output.status);
    lines(&output)
}

#[tokio::test]
async fn messages_in_every_version_and_qos() {
    if !have_clients() {
        return;
    }
    let broker = broker().await;
    for version in VERSIONS {
        for qos in ["0", "1", "2"] {
            let id = format!("{version}-{qos}");
            let topic = format!("t/{id}");
            let arguments = ["-V", version, "-q", qos, "-t", &topic, "-C", "3", "-F", "%q %p"];
            let child = subscriber(&broker, &id, &arguments).await;
            for payload in ["one", "two", "three"] {
                let arguments = ["-V", version, "-q", qos, "-t", &topic, "-m", payload];
                succeed("mosquitto_pub", &broker, &arguments).await;
            }
            let expected = ["one", "two", "three"].map(|payload| format!("{qos} {payload}"));
            assert_eq!(finish(child).await, expected, "{id}");
        }
    }
    assert_eq!(broker.stats().protocol_errors, 0);
}

#[tokio::test]
async fn versions_meet() {
    if !have_clients() {
        return;
    }
    let broker = broker().await;
    let child = subscriber(&broker, "old", &["-V", "mqttv311", "-t", "t", "-C", "1"]).await;
    let arguments = ["-V", "mqttv5", "-t", "t", "-m", "new", "-D", "publish", "content-type", "x"];
    succeed("mosquitto_pub", &broker, &arguments).await;
    assert_eq!(finish(child).await, ["new"]);
    let child = subscriber(&broker, "new", &["-V", "mqttv5", "-t", "t", "-C", "1"]).await;
    succeed("mosquitto_pub", &broker, &["-V", "mqttv31", "-t", "t", "-m", "old"]).await;
    assert_eq!(finish(child).await, ["old"]);
}

#[tokio::test]
async fn properties_pass_through() {
    if !have_clients() {
        return;
    }
    let broker = broker().await;
    let format = "%C|%R|%P|%E|%p";
    let arguments = ["-V", "mqttv5", "-t", "t", "-C", "1", "-F", format];
    let child = subscriber(&broker, "s", &arguments).await;
    let mut arguments = vec!["-V", "mqttv5", "-t", "t", "-m", "hello"];
    for property in [
        &["content-type", "text/plain"][..],
        &["response-topic", "answer"],
        &["user-property", "name", "value"],
        &["message-expiry-interval", "100"],
    ] {
        arguments.extend(["-D", "publish"]);
        arguments.extend(property);
    }
    succeed("mosquitto_pub", &broker, &arguments).await;
    assert_eq!(finish(child).await, ["text/plain|answer|name:value|100|hello"]);
}

#[tokio::test]
async fn retained_messages() {
    if !have_clients() {
        return;
    }
    let broker = broker().await;
    for version in ["mqttv311", "mqttv5"] {
        for topic in ["r/1", "r/2"] {
            let arguments = ["-V", version, "-r", "-q", "1", "-t", topic, "-m", "kept"];
            succeed("mosquitto_pub", &broker, &arguments).await;
        }
        let arguments = ["-V", version, "-t", "r/#", "-C", "2", "-F", "%r %t %p"];
        let found = succeed("mosquitto_sub", &broker, &arguments).await;
        assert_eq!(found, ["1 r/1 kept", "1 r/2 kept"]);
        let arguments = ["-V", version, "-t", "r/#", "--remove-retained", "-W", "1"];
        run("mosquitto_sub", &broker, &arguments).await;
        let arguments = ["-V", version, "-t", "r/#", "--retained-only", "-W", "1"];
        assert_eq!(lines(&run("mosquitto_sub", &broker, &arguments).await), [""; 0]);
    }
}

#[tokio::test]
async fn a_will_is_published_for_a_killed_client() {
    if !have_clients() {
        return;
    }
    let broker = broker().await;
    for version in VERSIONS {
        let watcher = format!("watcher-{version}");
        let arguments = ["-V", version, "-t", "w", "-C", "1"];
        let child = subscriber(&broker, &watcher, &arguments).await;
        let will = ["--will-topic", "w", "--will-payload", "gone", "--will-qos", "1"];
        let mut arguments = vec!["-V", version, "-t", "x"];
        arguments.extend(will);
        let mut victim = subscriber(&broker, &format!("victim-{version}"), &arguments).await;
        victim.kill().await.unwrap();
        assert_eq!(finish(child).await, ["gone"], "{version}");
    }
}

#[tokio::test]
async fn sessions_are_resumed_across_a_restart() {
    if !have_clients() {
        return;
    }
    let broker = broker().await;
    for (version, keeps) in [("mqttv311", "-c"), ("mqttv5", "-c")] {
        let id = format!("resumed-{version}");
        let common = ["-V", version, "-i", &id, keeps, "-q", "1", "-t", "s"];
        let mut arguments = common.to_vec();
        arguments.push("-E");
        succeed("mosquitto_sub", &broker, &arguments).await;
        for payload in ["one", "two"] {
            let arguments = ["-V", version, "-q", "1", "-t", "s", "-m", payload];
            succeed("mosquitto_pub", &broker, &arguments).await;
        }
        broker.restart(true, Duration::ZERO).await.unwrap();
        let arguments = ["-V", version, "-q", "2", "-t", "s", "-m", "three"];
        succeed("mosquitto_pub", &broker, &arguments).await;
        let mut arguments = common.to_vec();
        arguments.extend(["-C", "3"]);
        let found = succeed("mosquitto_sub", &broker, &arguments).await;
        assert_eq!(found, ["one", "two", "three"], "{version}");
    }
}

#[tokio::test]
async fn user_names_and_passwords() {
    if !have_clients() {
        return;
    }
    let broker = broker().await;
    broker.configure(|config| {
        config.access.users = Some(Users::parse("alice:s3cret").unwrap());
    });
    for version in VERSIONS {
        let common = ["-V", version, "-t", "t", "-m", "x", "-u", "alice", "-P"];
        let with = |password| [&common[..], &[password]].concat();
        succeed("mosquitto_pub", &broker, &with("s3cret")).await;
        let output = run("mosquitto_pub", &broker, &with("wrong")).await;
        assert!(!output.status.success(), "{version}");
    }
    assert_eq!(broker.stats().connects_refused, 3);
}

#[tokio::test]
async fn shared_subscriptions() {
    if !have_clients() {
        return;
    }
    let broker = broker().await;
    let arguments = ["-V", "mqttv5", "-q", "1", "-t", "$share/g/t", "-C", "2"];
    let one = subscriber(&broker, "one", &arguments).await;
    let two = subscriber(&broker, "two", &arguments).await;
    for payload in ["1", "2", "3", "4"] {
        succeed("mosquitto_pub", &broker, &["-q", "1", "-t", "t", "-m", payload]).await;
    }
    assert_eq!(finish(one).await, ["1", "3"]);
    assert_eq!(finish(two).await, ["2", "4"]);
}

#[cfg(unix)]
#[tokio::test]
async fn over_a_unix_socket() {
    if !have_clients() {
        return;
    }
    let path = std::env::temp_dir().join(format!("evenkeel-mosquitto-{}", std::process::id()));
    let broker = Broker::builder().bind_unix(&path).start().await.unwrap();
    let child = subscriber(&broker, "s", &["-t", "t", "-q", "2", "-C", "1"]).await;
    succeed("mosquitto_pub", &broker, &["-t", "t", "-q", "2", "-m", "hello"]).await;
    assert_eq!(finish(child).await, ["hello"]);
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn over_tls_with_a_client_certificate() {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    if !have_clients() {
        return;
    }
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // With the same name in all certificates OpenSSL takes them for one.
    params.distinguished_name.push(DnType::CommonName, "authority");
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let issue = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
    };
    let folder = std::env::temp_dir().join(format!("evenkeel-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (chain, key) = issue("127.0.0.1");
    let tls = evenkeel_broker::Tls::from_pem(
        chain.as_bytes(),
        key.as_bytes(),
        Some(authority.as_bytes()),
    );
    let broker = Broker::builder().bind_tls("127.0.0.1:0", tls.unwrap()).start().await.unwrap();
    let authority = file("authority.pem", &authority);
    let (certificate, key) = issue("client");
    let (certificate, key) = (file("client.pem", &certificate), file("client.key", &key));
    let identity = ["--cafile", &authority, "--cert", &certificate, "--key", &key];
    let with = |more: &[&'static str]| -> Vec<String> {
        identity.iter().chain(more).map(|text| (*text).to_owned()).collect()
    };
    for version in ["mqttv311", "mqttv5"] {
        let subscribe = with(&["-V", version, "-t", "t", "-q", "1", "-C", "1"]);
        let subscribe: Vec<&str> = subscribe.iter().map(String::as_str).collect();
        let child = subscriber(&broker, version, &subscribe).await;
        let publish = with(&["-V", version, "-t", "t", "-q", "1", "-m", "hello"]);
        let publish: Vec<&str> = publish.iter().map(String::as_str).collect();
        succeed("mosquitto_pub", &broker, &publish).await;
        assert_eq!(finish(child).await, ["hello"]);
    }
    let stranger = ["--cafile", &authority, "-t", "t", "-m", "x", "-q", "1"];
    assert!(!run("mosquitto_pub", &broker, &stranger).await.status.success());
    std::fs::remove_dir_all(&folder).unwrap();
}
