//! Certificates made for one run.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, Error, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair,
};

/// A certificate and its key, both in PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// The key; a secret, if only of a test.
    pub key: String,
}

/// An authority, a server that is `localhost`, and a client that it lets in.
#[derive(Clone)]
pub struct Certificates {
    /// The authority's certificate in PEM.
    pub authority: String,
    /// What the server shows.
    pub server: Identity,
    /// What a client shows.
    pub client: Identity,
}

impl Certificates {
    /// Makes a new set, with an authority of its own.
    pub fn make() -> Result<Self, Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, authority_name());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let authority = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        Ok(Self {
            server: identity(&issuer, &names, ExtendedKeyUsagePurpose::ServerAuth)?,
            client: identity(&issuer, &[], ExtendedKeyUsagePurpose::ClientAuth)?,
            authority,
        })
    }

    /// The set that all servers of this process share.
    pub fn shared() -> Arc<Self> {
        static SHARED: LazyLock<Arc<Certificates>> = LazyLock::new(|| {
            Arc::new(Certificates::make().expect("a key pair can always be generated"))
        });
        SHARED.clone()
    }
}

/// A name that no other authority of this process has.
fn authority_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    format!("Evenkeel interop authority {}", COUNT.fetch_add(1, Ordering::Relaxed))
}

fn identity(
    issuer: &Issuer<'_, KeyPair>,
    names: &[String],
    usage: ExtendedKeyUsagePurpose,
) -> Result<Identity, Error> {
    let mut params = CertificateParams::new(names)?;
    params.extended_key_usages = vec![usage];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?.pem();
    Ok(Identity { certificate, key: key.serialize_pem() })
}
