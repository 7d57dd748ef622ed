//! `evenkeel broker --aws FOLDER`: an account on this machine.

use std::path::{Path, PathBuf};

use crate::support::{Ran, Run, Running, evenkeel, folder, is_private};

/// An account with a thing.
pub(crate) struct Account(pub(crate) PathBuf);

impl Account {
    pub(crate) async fn new() -> Self {
        let account = Self(folder().join("account"));
        account.init("pump-17").await.expect(0);
        account
    }

    pub(crate) async fn init(&self, thing: &str) -> Ran {
        evenkeel("broker --aws").args([self.0.to_str().unwrap(), "--init", thing]).run().await
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Starts it on a free port, which it tells.
    pub(crate) async fn start(&self) -> (Running, String) {
        let mut running = self.broker().start();
        let line = running.until_says("listening on mqtts://127.0.0.1:").await;
        let port = line.rsplit(':').next().unwrap().to_owned();
        running.until_says("warning: this broker is for development and tests").await;
        (running, port)
    }

    pub(crate) fn broker(&self) -> Run {
        // Without AWS's limits: these tests connect more often than once a second.
        let folder = self.0.to_str().unwrap();
        evenkeel("broker --tls-port 0 --profile none --aws").args([folder])
    }

    /// A command of the thing's at this port.
    pub(crate) fn thing(&self, command: &str, port: &str) -> Run {
        let file = |end: &str| {
            self.path("certificates").join(format!("pump-17.{end}")).display().to_string()
        };
        let authority = self.path("ca.pem").display().to_string();
        evenkeel(&format!("{command} -h localhost -p {port} --aws-region eu-west-1 -i pump-17"))
            .args(["--cafile", &authority, "--cert", &file("pem"), "--key", &file("key")])
    }

    async fn report(&self, port: &str, level: u32) -> Ran {
        let document = format!("{{\"state\":{{\"reported\":{{\"level\":{level}}}}}}}");
        let topic = "$aws/things/pump-17/shadow/update";
        self.thing("pub -q 1", port).args(["-t", topic, "-m", &document]).run().await
    }

    /// The thing's shadow.
    async fn shadow(&self, port: &str) -> String {
        let ask = "$aws/things/pump-17/shadow/get";
        let rr = self.thing("rr -W 30", port);
        rr.args(["-t", ask, "-e", &format!("{ask}/accepted"), "-m", "{}"]).run().await.out()
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn an_account_is_made_and_nothing_written_over() {
    let account = Account(folder().join("a/b c"));
    let out = account.init("pump-17").await.out();
    for part in [
        "localhost, 127.0.0.1, ::1, *.iot.eu-west-1.amazonaws.com, until 20",
        "authority: ",
        "thing pump-17: ",
        "evenkeel broker --profile aws-iot-core --aws '",
        "evenkeel pub -h localhost -p 8883 ",
    ] {
        assert!(out.contains(part), "{part} is not in\n{out}");
    }
    for file in ["ca.key", "server.key", "certificates/pump-17.key", "aws.toml"] {
        is_private(&account.path(file));
    }
    #[cfg(unix)]
    for part in ["", "policies", "things", "certificates"] {
        assert_eq!(mode(&account.path(part)), 0o700, "{part}");
    }
    let files = ["ca.pem", "ca.key", "server.pem", "aws.toml", "certificates/pump-17.key"];
    account.write("aws.toml", "region = \"eu-west-1\"\n");
    let read = || files.map(|file| std::fs::read_to_string(account.path(file)).unwrap());
    let before = read();
    account.init("pump-17").await.expect(2).says("the thing 'pump-17' is there already");
    let out = account.init("pump-18").await.out();
    assert!(!out.contains("authority: ") && out.contains("thing pump-18: "), "{out}");
    assert_eq!(read(), before);

    for name in ["", "a b", "a/b", "../x", &"x".repeat(129)] {
        account.init(name).await.expect(2).says("is no name of a thing");
    }
    std::fs::remove_file(account.path("ca.key")).unwrap();
    account.init("pump-19").await.expect(2).says("has half an authority");
}

#[tokio::test]
async fn a_thing_reports_to_its_shadow_which_survives_a_kill() {
    let account = Account::new().await;
    let (running, port) = account.start().await;
    account.report(&port, 4).await.expect(0);
    running.signal("KILL").await;
    running.ended().await.expect(-1);
    is_private(&account.path("state.jsonl"));

    let (running, port) = account.start().await;
    let shadow = account.shadow(&port).await;
    assert!(shadow.contains("\"reported\":{\"level\":4}"), "{shadow}");
    account.report(&port, 5).await.expect(0);
    assert!(account.shadow(&port).await.contains("\"version\":2"));
    running.signal("INT").await;
    running.ended().await.expect(0);
}

#[tokio::test]
async fn who_may_not_is_told_and_the_operator_learns_why() {
    let account = Account::new().await;
    let (mut running, port) = account.start().await;
    account.thing("pub -q 1 other/7 x -W 10", &port).run().await.expect(7);
    let why = running.until_says("gate: ").await;
    assert!(why.contains("\"pump-17\" may not publish \"other/7\": no policy allows"), "{why}");
    // By an address there is no name in TLS.
    let ran = account.thing("pub x y -W 3", &port).args(["-h", "127.0.0.1"]).run().await;
    assert_ne!(ran.code, 0);
    running.until_says("without the server's name").await;
}

#[tokio::test]
async fn an_account_has_the_limits_of_aws_unless_told() {
    let account = Account::new().await;
    let folder = account.0.to_str().unwrap();
    let mut running = evenkeel("broker --tls-port 0 --aws").args([folder]).start();
    running.until_says("enforcing ").await;
    running.signal("INT").await;
    running.ended().await.expect(0);
}

#[tokio::test]
async fn bad_files_are_named_with_their_line() {
    let account = Account::new().await;
    let cases = [
        ("policies/bad.json", "{\n  \"Version\": 1\n}", "bad.json' is not valid\nwhy: "),
        ("policies/bad.json", "{\n\n  oops", "line 3"),
        (
            "aws.toml",
            "region = \"eu-west-1\"\nregoin = 1\n",
            "aws.toml' is not valid\nwhy: line 2: ",
        ),
        (
            "aws.toml",
            "[keys.A]\nsecret = \"s3cret\"\npolicies = [\"none\"]\n",
            "no policy \"none\"",
        ),
        ("things/odd.toml", "colour = 1\n", "odd.toml' is not valid\nwhy: line 1: "),
        ("certificates/odd.toml", "status = \"ACTIVE\"\n", "there is no '"),
        ("templates/t.json", "{}", "t.json' is not valid\nwhy: "),
        (
            "state.jsonl",
            "{\"version\": 2}",
            "why: it has version 2, and this program knows up to 1",
        ),
        ("state.jsonl", "{", "state.jsonl' cannot be used\nwhy: line 1 is damaged: "),
        ("state.jsonl", "{\"version\":1}\n{\n{}\n", "why: line 2 is damaged: "),
        ("state.jsonl", "{}\n", "why: it does not begin with a version"),
    ];
    for (file, text, says) in cases {
        let path = account.path(file);
        let before = std::fs::read(&path).ok();
        account.write(file, text);
        let ran = account.broker().run().await.expect(2).says(says);
        assert!(ran.err.contains("hint: ") && !ran.err.contains("s3cret"), "{}", ran.err);
        match before {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
    }
    let nowhere = evenkeel("broker --aws /nonexistent/account").run().await;
    nowhere.expect(2).says("--init THING");
    let ran = account.broker().args(["--cert", "x", "--key", "y"]).run().await;
    ran.expect(2).says("do not go with --aws");
}

#[tokio::test]
async fn the_state_of_an_older_version_is_not_dropped() {
    let account = Account::new().await;
    account.write("state.json", "{\"version\":1}");
    let ran = account.broker().run().await;
    assert_ne!(ran.code, 0);
    let ran = ran.says("state.json' cannot be used");
    ran.says("hint: move it away to begin with the account's files alone");
    std::fs::rename(account.path("state.json"), account.path("state.json.old")).unwrap();
    account.start().await;
}

#[tokio::test]
async fn files_that_do_not_go_with_the_state_are_told_and_left_out() {
    let account = Account::new().await;
    account.write("things/lamp.toml", "");
    let (running, _) = account.start().await;
    let path = account.0.to_str().unwrap();
    evenkeel("aws thing delete lamp --aws").args([path]).run().await.expect(0);
    running.signal("INT").await;
    running.ended().await.expect(0);
    let pump = account.path("certificates/pump-17.toml");
    let text = std::fs::read_to_string(&pump).unwrap();
    std::fs::write(&pump, text.replace("[\"pump-17\"]", "[\"pump-17\", \"lamp\"]")).unwrap();
    assert!(std::fs::read_to_string(&pump).unwrap().contains("lamp"));

    let mut running = account.broker().start();
    let told = running.until_says("warning: ").await;
    assert!(told.contains("certificates/pump-17.toml': it is not attached"), "{told}");
    assert!(told.contains("\"lamp\", which was deleted; hint: "), "{told}");
    let port = self::told(&mut running, "mqtts").await;
    account.thing("pub -q 1 site/7 x", &port).run().await.expect(0);
}

#[tokio::test]
async fn a_device_is_provisioned_and_comes_in_by_its_own_certificate() {
    let account = Account::new().await;
    let template = r#"{
      "Parameters": {"SerialNumber": {"Type": "String"},
                     "AWS::IoT::Certificate::Id": {"Type": "String"}},
      "Resources": {
        "thing": {"Type": "AWS::IoT::Thing", "Properties": {
          "ThingName": {"Fn::Join": ["-", ["valve", {"Ref": "SerialNumber"}]]}}},
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {
          "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"}},
        "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "thing"}}}}"#;
    account.write("templates/valves.json", template);
    let claim = r#"{"Version": "2012-10-17", "Statement":
      {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}"#;
    account.write("policies/claim.json", claim);
    account.init("claim").await.expect(0);
    account.write("certificates/claim.toml", "status = \"ACTIVE\"\npolicies = [\"claim\"]\n");
    account.write("parameters.json", "{\"SerialNumber\": \"17\"}");
    let (running, port) = account.start().await;
    let path = |name: &str| account.path(name).display().to_string();
    let out = path("valve");
    let provision = |out: &str| {
        evenkeel(&format!("aws provision -h localhost -p {port} --aws-region eu-west-1"))
            .args(["--template", "valves", "--out", out, "--cafile", &path("ca.pem")])
            .args(["--claim-cert", &path("certificates/claim.pem")])
            .args(["--claim-key", &path("certificates/claim.key")])
            .args(["--parameters", &path("parameters.json")])
    };
    provision(&out).run().await.expect(0);
    let enter = |port: String| {
        evenkeel(&format!("pub -q 1 -h localhost -p {port} --aws-region eu-west-1 -i valve-17"))
            .args(["--cafile", &path("ca.pem"), "--cert", &format!("{out}/certificate.pem")])
            .args(["--key", &format!("{out}/private.key"), "site/7", "x"])
    };
    enter(port.clone()).run().await.expect(0);
    running.signal("KILL").await;
    running.ended().await;
    let (_running, port) = account.start().await;
    enter(port).run().await.expect(0);
}

/// The port of a listener that the broker tells of.
async fn told(running: &mut Running, scheme: &str) -> String {
    let line = running.until_says(&format!("listening on {scheme}://127.0.0.1:")).await;
    line.rsplit(':').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_listener_takes_the_place_of_a_port_of_aws() {
    let account = Account::new().await;
    let flags = ["--https-port", "0", "--role", "443=0", "--role", "8443=0", "--role", "8883=0"];
    let folder = account.0.to_str().unwrap();
    let mut running = evenkeel("broker --profile none --aws").args([folder]).args(flags).start();
    let https = told(&mut running, "https").await;
    let shared = told(&mut running, "tls").await;
    let by_certificate = told(&mut running, "https").await;
    let mqtt = told(&mut running, "mqtts").await;
    running.until_says("warning: this broker is for development and tests").await;
    let publish = |port: &str, alpn: &str| {
        let run = account.thing(&format!("pub -q 1 {alpn}"), port);
        run.args(["site/7", "x"]).run()
    };
    publish(&shared, "--tls-alpn x-amzn-mqtt-ca").await.expect(0);
    publish(&mqtt, "").await.expect(0);
    let ran = publish(&shared, "--tls-alpn mqtt -W 5").await;
    assert_ne!(ran.code, 0, "{}", ran.err);
    running.until_says("names no authorizer").await;
    for port in [&https, &by_certificate] {
        let ran = publish(port, "--tls-alpn x-amzn-mqtt-ca -W 5").await;
        assert_ne!(ran.code, 0, "MQTT is not spoken there: {}", ran.err);
    }
}

#[tokio::test]
async fn roles_that_are_none_are_refused() {
    for role in ["80=1", "443", "443=", "443=65536", "=443", "x=1"] {
        let ran = evenkeel("broker --aws x --role").args([role]).run().await;
        ran.expect(2).says("a role is 8883, 8443 or 443");
    }
    evenkeel("broker --https-port 0").run().await.expect(2).says("--aws");
    evenkeel("broker --role 443=0").run().await.expect(2).says("--aws");
}
