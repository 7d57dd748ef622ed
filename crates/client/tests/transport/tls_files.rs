//! TLS settings that can't work: each is refused before any connection, and explained.

use std::fs;
use std::path::{Path, PathBuf};

#[cfg(feature = "encrypted-keys")]
use evenkeel::tls::TlsIdentity;
use evenkeel::tls::{TlsConfigError, TlsOptions};
use evenkeel::transport::internals::Opener;
use evenkeel::transport::{ConfigError, ConnectError, TransportOptions};
use tokio::net::TcpListener;

use crate::support::tls::{Authority, Server, fixture, fixture_path, server_config};
use crate::support::{assert_echo, endpoint, open};

/// A fresh directory that goes when the test ends.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("evenkeel-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn refused(tls: &TlsOptions) -> String {
    format!("{:#}", tls.prepare().unwrap_err())
}

fn shown(path: &Path) -> String {
    format!("'{}'", path.display())
}

#[tokio::test]
async fn authorities_from_files_and_directories() {
    let (authority, other) = (Authority::new(), Authority::new());
    let directory = Directory::new("authorities");
    // Names that OpenSSL's hashed directories don't have, and a file without certificates.
    directory.file("README", "nothing here");
    directory.file("other.crt", other.der());
    fs::create_dir(directory.0.join("subdirectory")).unwrap();
    let with_mark = [b"\xef\xbb\xbf", authority.pem().as_bytes()].concat();
    let file = directory.file("ours.pem", with_mark);
    let bundle = directory.file("bundle.pem", other.pem() + "\nsome text\n" + &authority.pem());
    for tls in [
        TlsOptions::new().ca_file(&file),
        TlsOptions::new().ca_file(&bundle),
        TlsOptions::new().ca_directory(&directory.0),
    ] {
        let server = Server::start(server_config(&authority.server(&["localhost"]))).await;
        let mut options = TransportOptions::default();
        options.tls = tls;
        let url = format!("mqtts://localhost:{}", server.port);
        assert_echo(&mut open(&url, options).await.unwrap(), b"hello").await;
    }
}

#[test]
fn authority_files_that_can_not_be_used() {
    let directory = Directory::new("bad-authorities");
    let good = Authority::new().pem();
    let body = good.lines().nth(1).unwrap();
    let missing = directory.0.join("missing.pem");
    assert_eq!(
        refused(&TlsOptions::new().ca_file(&missing)),
        format!(
            "cannot read {}: No such file or directory (os error 2); \
             check the path and its permissions",
            shown(&missing)
        )
    );
    const EXPECTED: &str = "X.509 certificates in PEM or DER are expected";
    const DAMAGED: &str = "damaged PEM in FILE; copy it again, from the BEGIN line to the END line";
    let key = String::from_utf8(fixture("rsa.pkcs8.pem")).unwrap();
    for (name, content, text) in [
        (
            "empty.pem",
            String::new(),
            &format!("no certificate in FILE (found: nothing); {EXPECTED}"),
        ),
        (
            "text.pem",
            "hello".into(),
            &format!("no certificate in FILE (found: neither PEM nor DER); {EXPECTED}"),
        ),
        (
            "key.pem",
            key,
            &"no certificate in FILE (found: a private key); were certificate and key swapped?"
                .to_owned(),
        ),
        (
            "request.pem",
            good.replace("CERTIFICATE", "CERTIFICATE REQUEST"),
            &format!("no certificate in FILE (found: other PEM sections); {EXPECTED}"),
        ),
        ("cut.pem", good.replace("-----END CERTIFICATE-----", ""), &DAMAGED.to_owned()),
        ("torn.pem", good.replace(body, "?"), &DAMAGED.to_owned()),
        ("short.der", "0".into(), &format!("certificate 1 in FILE is damaged; {EXPECTED}")),
    ] {
        let path = directory.file(name, content);
        let expected = text.replace("FILE", &shown(&path));
        assert_eq!(refused(&TlsOptions::new().ca_file(&path)), expected);
    }
    let damaged = good.clone() + &good.replace(body, &body.replace('M', "A"));
    let path = directory.file("second.pem", damaged);
    assert_eq!(
        refused(&TlsOptions::new().ca_file(&path)),
        format!(
            "certificate 2 in {} is damaged; X.509 certificates in PEM or DER are expected",
            shown(&path)
        )
    );
    assert_eq!(
        refused(&TlsOptions::new().ca_bytes("")),
        "no certificate in the given bytes (found: nothing); \
         X.509 certificates in PEM or DER are expected"
    );
}

#[test]
fn authority_directories_that_can_not_be_used() {
    let directory = Directory::new("empty-directory");
    directory.file("README", "nothing here");
    assert_eq!(
        refused(&TlsOptions::new().ca_directory(&directory.0)),
        format!(
            "no certificate in {} (found: nothing); put PEM files with CA certificates into it",
            shown(&directory.0)
        )
    );
    let missing = directory.0.join("missing");
    assert!(matches!(
        TlsOptions::new().ca_directory(&missing).prepare().unwrap_err(),
        TlsConfigError::Unreadable { .. }
    ));
    // A directory where a file belongs, which many systems let open but not read.
    assert!(matches!(
        TlsOptions::new().ca_file(&directory.0).prepare().unwrap_err(),
        TlsConfigError::Unreadable { .. }
    ));
    let damaged = directory.file("damaged.pem", "-----BEGIN CERTIFICATE-----\n");
    assert_eq!(
        refused(&TlsOptions::new().ca_directory(&directory.0)),
        format!(
            "damaged PEM in {}; copy it again, from the BEGIN line to the END line",
            shown(&damaged)
        )
    );
}

#[test]
fn a_file_of_any_size_is_not_read() {
    let directory = Directory::new("large");
    let good = Authority::new().pem();
    let padded = |length: usize| good.clone() + &" ".repeat(length - good.len());
    let largest = directory.file("largest.pem", padded(4 << 20));
    assert!(TlsOptions::new().ca_file(largest).prepare().is_ok());
    let path = directory.file("larger.pem", padded((4 << 20) + 1));
    assert_eq!(
        refused(&TlsOptions::new().ca_file(&path)),
        format!("{} is larger than 4 MiB; is it really a certificate or key?", shown(&path))
    );
}

#[test]
fn client_keys_that_can_not_be_used() {
    let chain = Authority::new().client_for_key(&fixture("rsa.pkcs8.pem"));
    let with_key = |key: Vec<u8>| {
        let tls = TlsOptions::new().client_certificate_bytes(chain.as_bytes(), key);
        refused(&tls.dangerously_skip_server_verification())
    };
    for name in ["rsa.encrypted-pkcs8.pem", "rsa.encrypted-pkcs8.der", "rsa.encrypted-pkcs1.pem"] {
        assert_eq!(
            with_key(fixture(name)),
            "the private key in the given bytes is protected by a passphrase; \
             remove the passphrase with: openssl pkey -in KEY -out NEW_KEY",
            "{name}"
        );
    }
    // A password alone does not help with OpenSSL's older form, nor does another one.
    #[cfg(feature = "encrypted-keys")]
    for (name, password, problem) in [
        (
            "rsa.encrypted-pkcs8.pem",
            "rest",
            "the password does not open the private key in the given bytes; ",
        ),
        (
            "rsa.encrypted-pkcs8.der",
            "",
            "the password does not open the private key in the given bytes; ",
        ),
        (
            "rsa.encrypted-pkcs1.pem",
            "test",
            "the private key in the given bytes is encrypted in a way that is not supported; ",
        ),
    ] {
        let identity =
            TlsIdentity::from_bytes(chain.as_bytes(), fixture(name)).key_password(password);
        let text = refused(
            &TlsOptions::new().client_identity(identity).dangerously_skip_server_verification(),
        );
        assert!(text.starts_with(problem), "{name}: {text}");
    }
    #[cfg(feature = "encrypted-keys")]
    for name in ["rsa.encrypted-pkcs8.pem", "rsa.encrypted-pkcs8.der", "rsa.pkcs8.pem"] {
        let identity =
            TlsIdentity::from_bytes(chain.as_bytes(), fixture(name)).key_password("test");
        let options =
            TlsOptions::new().client_identity(identity).dangerously_skip_server_verification();
        options.prepare().unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert_eq!(
        with_key(fixture("ec.pkcs8.pem")),
        "the private key in the given bytes does not belong to the certificate in the given \
         bytes; the client's own certificate must come first"
    );
    assert_eq!(
        with_key(chain.clone().into_bytes()),
        "no private key in the given bytes (found: a certificate); \
         give the file with the key, or append the key to this one"
    );
    let expected = "RSA, ECDSA or Ed25519 keys as PKCS#8, PKCS#1 or SEC1, PEM or DER, are expected";
    assert_eq!(
        with_key(Vec::new()),
        format!("no private key in the given bytes (found: nothing); {expected}")
    );
    assert_eq!(
        with_key(b"hello".to_vec()),
        format!("no private key in the given bytes (found: neither PEM nor DER); {expected}")
    );
    let unusable =
        format!("the private key in the given bytes is damaged or of an unknown kind; {expected}");
    assert_eq!(with_key(b"0".to_vec()), unusable);
    let cut = fixture("rsa.pkcs8.der");
    assert_eq!(with_key(cut[..cut.len() / 2].to_vec()), unusable);
    assert_eq!(with_key(Authority::new().der()), unusable);
    let pem = String::from_utf8(fixture("ec.pkcs8.pem")).unwrap();
    assert_eq!(
        with_key(pem.replace("-----END PRIVATE KEY-----", "").into_bytes()),
        "damaged PEM in the given bytes; copy it again, from the BEGIN line to the END line"
    );
}

#[test]
fn client_certificates_that_can_not_be_used() {
    let key = fixture("rsa.pkcs8.pem");
    let with_chain = |chain: &[u8]| {
        let tls = TlsOptions::new().client_certificate_bytes(chain, key.clone());
        refused(&tls.dangerously_skip_server_verification())
    };
    assert_eq!(
        with_chain(&key),
        "no certificate in the given bytes (found: a private key); \
         were certificate and key swapped?"
    );
    assert_eq!(
        with_chain(&fixture("rsa.pkcs8.der")),
        "certificate 1 in the given bytes is damaged; \
         X.509 certificates in PEM or DER are expected"
    );
    let missing = Path::new("no-such-chain.pem");
    assert_eq!(
        refused(&TlsOptions::new().client_certificate_files(missing, missing)),
        "cannot read 'no-such-chain.pem': No such file or directory (os error 2); \
         check the path and its permissions"
    );
}

#[test]
fn other_settings_that_can_not_be_used() {
    let longest = "x".repeat(255);
    assert!(TlsOptions::new().alpn([longest.as_str()]).prepare().is_ok());
    for (tls, text) in [
        (
            TlsOptions::new().alpn([longest + "x"]),
            "an ALPN protocol name has 256 bytes, not 1 to 255; \
             usual names are 'mqtt' and 'x-amzn-mqtt-ca'",
        ),
        (
            TlsOptions::new().alpn([""]),
            "an ALPN protocol name has 0 bytes, not 1 to 255; \
             usual names are 'mqtt' and 'x-amzn-mqtt-ca'",
        ),
        (
            TlsOptions::new().versions([]),
            "the TLS settings allow no TLS version; allow TLS 1.2, TLS 1.3 or both",
        ),
        (
            TlsOptions::new().system_roots(false),
            "the TLS settings can't be used: no root trust anchors were provided",
        ),
    ] {
        assert_eq!(refused(&tls), text);
    }
    let mut options = TransportOptions::default();
    options.tls = TlsOptions::new().server_name("not a name");
    assert_eq!(
        format!("{:#}", Opener::new(options).check(&endpoint("mqtts://h")).unwrap_err()),
        "the TLS server name \"not a name\" is neither a host name nor an IP address; \
         write it without scheme, port and brackets"
    );
}

/// A wrong file is the user's mistake, not the network's: nothing is connected to.
#[tokio::test]
async fn no_connection_is_opened_with_wrong_settings() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mqtts://{}", listener.local_addr().unwrap());
    let mut options = TransportOptions::default();
    options.tls = TlsOptions::new().ca_file("no-such-file.pem");
    let error = open(&url, options).await.unwrap_err();
    let ConnectError::Config(ConfigError::Tls(TlsConfigError::Unreadable { .. })) = error else {
        panic!("{error:?}")
    };
    let accepted =
        std::future::poll_fn(|cx| std::task::Poll::Ready(listener.poll_accept(cx).is_ready()));
    assert!(!accepted.await);
}

#[test]
fn nothing_shows_keys() {
    let key = fixture("ec.pkcs8.pem");
    let chain = Authority::new().client_for_key(&key);
    let tls = TlsOptions::new()
        .client_certificate_bytes(chain, key.clone())
        .ca_file(fixture_path("README.md"))
        .alpn(["mqtt"]);
    let shown = format!("{tls:?}");
    assert!(shown.contains("\"mqtt\"") && shown.contains("README.md"), "{shown}");
    let text = String::from_utf8(key.clone()).unwrap();
    let secret = text.lines().nth(1).unwrap();
    assert!(!shown.contains(secret), "{shown}");
    assert!(!shown.contains(&format!("{:?}", &key[..8]).replace(['[', ']'], "")), "{shown}");
}
