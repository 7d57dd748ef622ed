//! Certificates for the broker of a test and its clients.

use std::path::Path;

use evenkeel_broker::{Broker, Tls};
use rcgen::{CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};

use crate::support::{broker_with, folder};

/// A certificate authority with one server and one client certificate, as files.
pub(crate) struct Pki {
    pub(crate) folder: std::path::PathBuf,
}

impl Pki {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl Fn(&mut CertificateParams)) -> Self {
        let folder = folder();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
        for (name, host, usage) in [
            ("server", "localhost", ExtendedKeyUsagePurpose::ServerAuth),
            ("client", "somebody", ExtendedKeyUsagePurpose::ClientAuth),
        ] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
            params.extended_key_usages = vec![usage];
            change(&mut params);
            let cert = params.signed_by(&key, &issuer).unwrap();
            std::fs::write(folder.join(format!("{name}.pem")), cert.pem()).unwrap();
            std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        Self { folder }
    }

    /// Has a server's certificate for these years only.
    pub(crate) fn in_years(not_before: i32, not_after: i32) -> Self {
        Self::with(|params| {
            params.not_before = rcgen::date_time_ymd(not_before, 3, 1);
            params.not_after = rcgen::date_time_ymd(not_after, 3, 1);
        })
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    pub(crate) fn tls(&self, demands_client: bool) -> Tls {
        let authority = self.path("ca.pem");
        let authority = demands_client.then(|| Path::new(&authority));
        Tls::from_files(self.path("server.pem"), self.path("server.key"), authority).unwrap()
    }

    pub(crate) async fn broker(&self, demands_client: bool) -> Broker {
        let tls = self.tls(demands_client);
        broker_with(|builder| {
            builder.bind_tls("127.0.0.1:0", tls.clone()).bind_websocket_tls("127.0.0.1:0", tls)
        })
        .await
    }
}
