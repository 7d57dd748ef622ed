//! Certificates that people really make, and what is said of those that TLS does not take.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use evenkeel_broker::{Broker, Tls};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, GeneralSubtree, IsCa, KeyPair,
    NameConstraints, SanType,
};
use tokio::io::AsyncWriteExt;

use crate::support::{Ran, broker_with, dead_port, evenkeel, folder};

/// A folder with `ca.pem`, and `server.pem` with its chain and `server.key`.
struct Files(PathBuf);

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut params);
    params
}

fn root(change: impl FnOnce(&mut CertificateParams)) -> Issuer {
    let key = KeyPair::generate().unwrap();
    CertifiedIssuer::self_signed(authority("root", change), key).unwrap()
}

impl Files {
    /// A server's certificate, changed so, that the last of these has signed.
    fn signed_by(issuers: &[Issuer], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let files = Self(folder());
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "localhost");
        change(&mut params);
        let certificate = params.signed_by(&key, issuers.last().unwrap()).unwrap();
        let chain = issuers.iter().skip(1).rev().map(|issuer| issuer.pem());
        files.write("server.pem", &(certificate.pem() + &chain.collect::<String>()));
        files.write("server.key", &key.serialize_pem());
        files.write("ca.pem", &issuers[0].pem());
        files
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    async fn broker(&self) -> Broker {
        let tls = Tls::from_files(self.path("server.pem"), self.path("server.key"), None).unwrap();
        broker_with(|builder| builder.bind_tls("127.0.0.1:0", tls)).await
    }

    /// Publishes to a broker with these files, by this host.
    async fn publish(&self, host: &str, flags: &str) -> Ran {
        let broker = self.broker().await;
        publish(broker.tls_addr().unwrap().port(), host, flags).await
    }

    fn cafile(&self) -> String {
        format!("--cafile {}", self.path("ca.pem"))
    }

    /// Runs openssl in the folder, with one word for each word.
    fn openssl(&self, line: &str) {
        let mut command = Command::new("openssl");
        command.args(line.split_whitespace()).current_dir(&self.0);
        let output = command.output().unwrap();
        assert!(output.status.success(), "openssl {line}: {output:?}");
    }
}

async fn publish(port: u16, host: &str, flags: &str) -> Ran {
    evenkeel(&format!("pub a x -W 20 -h {host} -p {port} {flags}")).run().await
}

/// Demands a refusal that says why and what to do.
#[track_caller]
fn refused(ran: Ran, why: &str, hint: &str) {
    let ran = ran.expect(6).says(&format!("\nwhy: the server's certificate was rejected: {why}\n"));
    ran.says(&format!("\nhint: {hint}"));
}

const SIGN_ANEW: &str = "sign it anew with: openssl x509 -req ... -extfile FILE, and in FILE: \
                         subjectAltName=DNS:HOST; or accept just this one by --tls-pin\n";

fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok();
    if !found {
        eprintln!("SKIPPED: openssl is not installed");
    }
    found
}

/// A server of openssl's that answers one CONNECT, as rustls serves no such certificates.
struct OpenSsl {
    port: u16,
    _child: tokio::process::Child,
    _stdin: tokio::process::ChildStdin,
}

async fn openssl_server(files: &Path, flags: &str) -> OpenSsl {
    let port = dead_port();
    let line = format!("s_server -quiet -accept 127.0.0.1:{port} -cert server.pem -key server.key");
    let mut command = tokio::process::Command::new("openssl");
    command.args(line.split_whitespace()).args(flags.split_whitespace()).current_dir(files);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // What it reads it sends once somebody has connected: CONNACK.
    stdin.write_all(&[0x20, 3, 0, 0, 0]).await.unwrap();
    OpenSsl { port, _child: child, _stdin: stdin }
}

/// What mosquitto's manual makes for a server.
fn version_1() -> Files {
    let files = Files(folder());
    files.openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=CA");
    files.openssl(
        "req -new -newkey rsa:2048 -nodes -keyout server.key -out s.csr -subj /CN=localhost",
    );
    files.openssl("x509 -req -in s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem");
    files
}

#[tokio::test]
async fn a_certificate_of_version_1_is_named_and_can_be_pinned() {
    if !has_openssl() {
        return;
    }
    let files = version_1();
    let run = async |flags: &str| {
        let server = openssl_server(&files.0, "").await;
        publish(server.port, "127.0.0.1", flags).await
    };
    let why = "it is of X.509 version 1, which has no extensions and so no subjectAltName";
    refused(run(&files.cafile()).await, why, SIGN_ANEW);
    refused(run(&format!("{} --insecure", files.cafile())).await, why, SIGN_ANEW);
    run(&format!("--tls-pin {}", files.path("server.pem"))).await.expect(0);
    run("--protocol mqtts --tls-verify-nothing").await.expect(0);
}

/// The same for the client: the server judges it, and nothing is called damaged.
#[tokio::test]
async fn a_client_certificate_of_version_1_is_shown_to_the_server() {
    if !has_openssl() {
        return;
    }
    let files = version_1();
    let (cert, key) = (files.path("server.pem"), files.path("server.key"));
    let server = openssl_server(&files.0, "-Verify 1 -verify_return_error -CAfile ca.pem").await;
    let flags = format!("--tls-pin {cert} --cert {cert} --key {key}");
    publish(server.port, "127.0.0.1", &flags).await.expect(0);
}

#[tokio::test]
async fn a_certificate_without_names_is_named_and_insecure_takes_it() {
    let files = Files::signed_by(&[root(|_| {})], |_| {});
    let ca = files.cafile();
    let why =
        "it is not for 'localhost': it has no subjectAltName, and a common name does not count";
    refused(files.publish("localhost", &ca).await, why, SIGN_ANEW);
    files.publish("localhost", &format!("{ca} --insecure")).await.expect(0);
    let pin = format!("--tls-pin {}", files.path("server.pem"));
    files.publish("localhost", &pin).await.expect(0);
}

#[tokio::test]
async fn an_address_that_is_marked_as_a_name_is_told() {
    let files = Files::signed_by(&[root(|_| {})], |params| {
        params.subject_alt_names = vec![SanType::DnsName("127.0.0.1".try_into().unwrap())];
    });
    let ca = files.cafile();
    refused(
        files.publish("127.0.0.1", &ca).await,
        "a name in its subjectAltName is not valid, such as an IP address marked as a DNS name",
        "in its subjectAltName write an address as IP:192.0.2.7, not as DNS:192.0.2.7\n",
    );
    files.publish("127.0.0.1", &format!("{ca} --insecure")).await.expect(0);
}

#[tokio::test]
async fn an_authority_that_serves_is_told_how_openssl_makes_a_server() {
    let key = KeyPair::generate().unwrap();
    let params = authority("localhost", |params| {
        params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())];
    });
    let files = Files(folder());
    let certificate = params.self_signed(&key).unwrap();
    for name in ["server.pem", "ca.pem"] {
        files.write(name, &certificate.pem());
    }
    files.write("server.key", &key.serialize_pem());
    let ca = files.cafile();
    refused(
        files.publish("localhost", &ca).await,
        "it is the certificate of a certificate authority, not of a server",
        "issue a server certificate (basicConstraints=CA:FALSE) signed by that CA; a self-signed one \
         by: openssl req -x509 -addext basicConstraints=critical,CA:FALSE -addext \
         subjectAltName=DNS:HOST ...\n",
    );
    // It is trusted by itself, as by mosquitto's tools.
    files.publish("localhost", &format!("{ca} --insecure")).await.expect(0);
}

/// Any name, but not any authority.
#[tokio::test]
async fn insecure_takes_no_certificate_of_strangers() {
    let files = Files::signed_by(&[root(|_| {})], |_| {});
    let stranger = root(|params| params.distinguished_name.push(DnType::CommonName, "stranger"));
    let others = Files::signed_by(&[stranger], |_| {});
    let ran = files.publish("localhost", &format!("{} --insecure", others.cafile())).await;
    refused(
        ran,
        "its issuer is not trusted",
        "give the CA certificate that signed it by --cafile\n",
    );
}

fn for_localhost(params: &mut CertificateParams) {
    params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())];
}

#[tokio::test]
async fn name_constraints_of_an_authority_are_named() {
    let constrained = root(|params| {
        let permitted = vec![GeneralSubtree::DnsName("example.org".to_owned())];
        let excluded = Vec::new();
        params.name_constraints =
            Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded });
    });
    let files = Files::signed_by(&[constrained], for_localhost);
    refused(
        files.publish("localhost", &files.cafile()).await,
        "the name constraints of a CA above it do not permit its names",
        "have it signed by a CA whose nameConstraints permit the name\n",
    );
}

#[tokio::test]
async fn a_chain_that_is_too_long_is_named() {
    let mut issuers = vec![root(|_| {})];
    for number in 0..8 {
        let params = authority(&format!("intermediate {number}"), |_| {});
        let key = KeyPair::generate().unwrap();
        let next = CertifiedIssuer::signed_by(params, key, issuers.last().unwrap()).unwrap();
        issuers.push(next);
    }
    let files = Files::signed_by(&issuers, for_localhost);
    refused(
        files.publish("localhost", &files.cafile()).await,
        "too many certificates stand between it and a trusted one",
        "trust one of the certificates between by --cafile, or raise the pathlen of the CA\n",
    );
    let files = Files::signed_by(&issuers[..3], for_localhost);
    files.publish("localhost", &files.cafile()).await.expect(0);
}

#[tokio::test]
async fn an_algorithm_that_is_missing_is_named() {
    if !has_openssl() {
        return;
    }
    let files = Files(folder());
    files.openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=CA");
    files.openssl(
        "req -new -newkey rsa:2048 -nodes -keyout server.key -out s.csr -subj /CN=localhost",
    );
    files.write("names", "subjectAltName=DNS:localhost\n");
    // Neither provider of cryptography takes SHA-1; ring takes no P-521 either.
    files.openssl(
        "x509 -req -sha1 -in s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names \
         -out server.pem",
    );
    let server = openssl_server(&files.0, "-cipher DEFAULT@SECLEVEL=0").await;
    refused(
        publish(server.port, "localhost", &files.cafile()).await,
        "it is signed by an algorithm that is not supported, such as ECDSA with P-521 or SHA-1",
        "sign it with SHA-256 or better (openssl: -sha256) by an RSA, Ed25519, P-256 or P-384 key\n",
    );
}

#[tokio::test]
async fn a_pin_accepts_one_certificate_and_no_other() {
    // Expired, for no name, and of an authority nobody knows.
    let files = Files::signed_by(&[root(|_| {})], |params| {
        params.not_before = rcgen::date_time_ymd(2000, 3, 1);
        params.not_after = rcgen::date_time_ymd(2001, 3, 1);
    });
    let other = Files::signed_by(&[root(|_| {})], for_localhost);
    let by_file = |files: &Files| format!("--tls-pin {}", files.path("server.pem"));
    files.publish("127.0.0.1", &by_file(&files)).await.expect(0);
    let version = format!("{} --tls-version tlsv1.2", by_file(&files));
    files.publish("127.0.0.1", &version).await.expect(0);
    refused(
        other.publish("localhost", &by_file(&files)).await,
        "it is not the pinned one",
        "compare it with: openssl s_client -connect HOST:PORT; was it renewed?\n",
    );
    if !has_openssl() {
        return;
    }
    let mut command = Command::new("openssl");
    command.args(["x509", "-noout", "-fingerprint", "-sha256", "-in", &files.path("server.pem")]);
    let output = command.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let (_, colons) = printed.trim().split_once('=').unwrap();
    let mut plain = String::new();
    write!(plain, "sha256:{}", colons.replace(':', "").to_lowercase()).unwrap();
    let broker = files.broker().await;
    let port = broker.tls_addr().unwrap().port();
    for pin in [printed.trim(), colons, &plain] {
        let run =
            evenkeel("pub a x -h 127.0.0.1 -W 20 --tls-pin").args([pin, "-p", &port.to_string()]);
        run.run().await.expect(0);
    }
    let wrong = "0f".repeat(32);
    refused(
        publish(port, "127.0.0.1", &format!("--tls-pin {wrong}")).await,
        "it is not the pinned one",
        "compare it with",
    );
}

/// The forms that openssl writes, and the password in a file.
#[tokio::test]
async fn a_key_that_a_password_protects_is_opened() {
    if !has_openssl() {
        return;
    }
    let files = version_1();
    files.write("password", "hunter2\n");
    files.write("wrong", "hunter3\n");
    let (cert, ca) = (files.path("server.pem"), files.path("ca.pem"));
    for form in ["-v2 aes-256-cbc", "-v2 aes-128-cbc", "-scrypt", "-v2 aes-256-cbc -outform der"] {
        files.openssl(&format!(
            "pkcs8 -topk8 -in server.key -out locked.key -passout file:password {form}"
        ));
        let server =
            openssl_server(&files.0, "-Verify 1 -verify_return_error -CAfile ca.pem").await;
        let key = files.path("locked.key");
        let flags = format!("--tls-pin {cert} --cert {cert} --key {key}");
        let locked = publish(server.port, "127.0.0.1", &flags).await.expect(2);
        locked.says("is protected by a passphrase\nhint: give a file with its password by --key-password-file\n");
        let wrong = format!("{flags} --key-password-file {}", files.path("wrong"));
        let wrong = publish(server.port, "127.0.0.1", &wrong).await.expect(2);
        wrong
            .says(&format!("error: the password does not open the private key in '{key}'\nhint: "));
        let right = format!("{flags} --key-password-file {}", files.path("password"));
        publish(server.port, "127.0.0.1", &right).await.expect(0);
    }
    // What openssl wrote before PKCS#8 is told how it can be written anew.
    files.openssl("rsa -in server.key -traditional -aes256 -passout file:password -out old.key");
    let flags = format!(
        "--cafile {ca} --cert {cert} --key {} --key-password-file {}",
        files.path("old.key"),
        files.path("password")
    );
    let old = publish(1, "127.0.0.1", &flags).await.expect(2);
    old.says(
        "is encrypted in a way that is not supported\nhint: encrypt it anew with: openssl pkcs8 ",
    );
}
