//! R12: what identifies client and server is read anew for each attempt, and
//! told when it has changed.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use evenkeel::tls::{TlsIdentity, TlsOptions};
use evenkeel::{CredentialsError, Event};
use evenkeel_broker::{Broker, Tls};
use rcgen::{CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};

use crate::support::*;

/// An authority, a server and two client certificates, as files in a folder.
struct Pki(PathBuf);

impl Pki {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("evenkeel-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
        for (name, usage) in [
            ("server", ExtendedKeyUsagePurpose::ServerAuth),
            ("old", ExtendedKeyUsagePurpose::ClientAuth),
            ("new", ExtendedKeyUsagePurpose::ClientAuth),
        ] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            params.extended_key_usages = vec![usage];
            let certificate = params.signed_by(&key, &issuer).unwrap();
            fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
            fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn copy(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
    }

    /// A broker that lets in whoever has a certificate of the authority.
    async fn broker(&self) -> (Broker, ClientBuilder) {
        let authority = self.path("ca.pem");
        let tls =
            Tls::from_files(self.path("server.pem"), self.path("server.key"), Some(&authority));
        let broker = Broker::builder().bind_tls("127.0.0.1:0", tls.unwrap()).start().await.unwrap();
        let port = broker.tls_addr().unwrap().port();
        let builder = Client::builder(format!("mqtts://localhost:{port}")).reconnect(hasty());
        (broker, builder)
    }
}

impl Drop for Pki {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What is told up to the next connection about the files before it.
async fn until_connected(events: &mut evenkeel::Events) -> Vec<(Event, Option<String>)> {
    let mut told = Vec::new();
    loop {
        let report = within_20_s(events.next()).await.unwrap();
        match report.event {
            Event::Connected(_) => return told,
            event @ (Event::FilesRenewed { .. } | Event::FilesKept { .. }) => {
                told.push((event, report.error.map(|error| error.to_string())));
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn renewed_files_are_used_and_told_and_half_of_them_too() {
    let pki = Pki::new("told");
    let (_broker, builder) = pki.broker().await;
    pki.copy("old.pem", "dev.pem");
    pki.copy("old.key", "dev.key");
    let tls = TlsOptions::new()
        .ca_file(pki.path("ca.pem"))
        .client_certificate_files(pki.path("dev.pem"), pki.path("dev.key"));
    let client = builder.tls(tls).start().unwrap();
    let mut events = client.events();
    assert_eq!(until_connected(&mut events).await, []);
    pki.copy("new.pem", "dev.pem");
    client.reconnect();
    let told = until_connected(&mut events).await;
    let [(Event::FilesKept { .. }, Some(error))] = &told[..] else { panic!("{told:?}") };
    assert_eq!(
        *error,
        format!(
            "the private key in '{}' does not belong to the certificate in '{}'; \
             the client's own certificate must come first",
            pki.path("dev.key").display(),
            pki.path("dev.pem").display()
        )
    );
    pki.copy("new.key", "dev.key");
    client.reconnect();
    let told = until_connected(&mut events).await;
    assert!(matches!(told[..], [(Event::FilesRenewed { .. }, None)]), "{told:?}");
    client.reconnect();
    assert_eq!(until_connected(&mut events).await, []);
}

#[tokio::test]
async fn each_attempt_over_tls_asks_for_the_identity() {
    let pki = Pki::new("asked");
    let (_broker, builder) = pki.broker().await;
    let asked = Arc::new(AtomicU32::new(0));
    let (counter, old, new) = (asked.clone(), ["old.pem", "old.key"], ["new.pem", "new.key"]);
    let [old, new] = [old, new].map(|names| names.map(|name| fs::read(pki.path(name)).unwrap()));
    let hook = move || {
        std::future::ready(match counter.fetch_add(1, Ordering::Relaxed) {
            0 => Err(CredentialsError("the vault is sealed".to_owned())),
            // What can't be used is asked for again.
            1 => Ok(TlsIdentity::from_bytes(old[0].clone(), new[1].clone())),
            2 => Ok(TlsIdentity::from_bytes(old[0].clone(), old[1].clone())),
            _ => Ok(TlsIdentity::from_bytes(new[0].clone(), new[1].clone())),
        })
    };
    let mut policy = hasty();
    policy.slow_lane = (millis(20), millis(40));
    let tls = TlsOptions::new().ca_file(pki.path("ca.pem"));
    let client = builder.tls(tls).reconnect(policy).tls_identity(hook).start().unwrap();
    let mut events = client.events();
    let mut errors = Vec::new();
    for attempts in [3, 4] {
        loop {
            let report = within_20_s(events.next()).await.unwrap();
            match report.event {
                Event::Connected(_) => break,
                Event::Disconnected { .. } => errors.extend(report.error.map(|e| e.to_string())),
                _ => {}
            }
        }
        assert_eq!(asked.load(Ordering::Relaxed), attempts);
        client.reconnect();
    }
    assert_eq!(errors[0], "no credentials: the vault is sealed");
    assert!(errors[1].starts_with("the private key in the given bytes does not"), "{errors:?}");
    assert_eq!(errors.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_tls_nobody_asks_for_an_identity() {
    let hook = || -> std::future::Ready<Result<TlsIdentity, _>> { panic!("asked") };
    let (_client, _server, _peer) = online(Version::V5, |b| b.tls_identity(hook)).await;
}
