//! R12: certificates and keys are read anew for each attempt to connect.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use evenkeel::tls::rustls::pki_types::CertificateDer;
use evenkeel::tls::rustls::pki_types::pem::PemObject;
use evenkeel::tls::rustls::server::WebPkiClientVerifier;
use evenkeel::tls::rustls::{HandshakeKind, RootCertStore, ServerConfig};
use evenkeel::tls::{
    CertificateProblem, Content, TlsConfigError, TlsError, TlsIdentity, TlsOptions, TlsRenewal,
};
use evenkeel::transport::internals::{ConnectProgress, Opener};
use evenkeel::transport::{ConnectError, Endpoint, TransportOptions};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::tls::{Authority, Identity, fixture, provider};
use crate::support::{assert_echo, echo, endpoint, soon};

/// A fresh directory that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("evenkeel-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The certificate that a client showed, and how much of a handshake there was.
type Visit = (Option<CertificateDer<'static>>, HandshakeKind);

/// A TLS server for many connections, whose certificate can be changed.
struct Site {
    config: Arc<Mutex<Arc<ServerConfig>>>,
    visits: Arc<Mutex<Vec<Visit>>>,
    port: u16,
}

impl Site {
    async fn start(config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let site =
            Self { config: Arc::new(Mutex::new(Arc::new(config))), visits: Arc::default(), port };
        let (config, visits) = (site.config.clone(), site.visits.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = TlsAcceptor::from(config.lock().unwrap().clone());
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                let (_, session) = stream.get_ref();
                let shown = session.peer_certificates().and_then(<[_]>::first);
                let shown = shown.map(|certificate| certificate.clone().into_owned());
                visits.lock().unwrap().push((shown, session.handshake_kind().unwrap()));
                tokio::spawn(echo(stream));
            }
        });
        site
    }

    fn change(&self, config: ServerConfig) {
        *self.config.lock().unwrap() = Arc::new(config);
    }

    fn endpoint(&self) -> Endpoint {
        endpoint(&format!("mqtts://localhost:{}", self.port))
    }

    /// Connects, and returns what was found in the files and what the server saw.
    async fn visit(&self, opener: &Opener) -> (TlsRenewal, Visit) {
        self.visit_as(opener, &self.endpoint()).await
    }

    async fn visit_as(&self, opener: &Opener, endpoint: &Endpoint) -> (TlsRenewal, Visit) {
        let progress = ConnectProgress::new();
        let mut stream = soon(opener.open(endpoint, &progress)).await.unwrap();
        // With the bytes come tickets for sessions to be resumed.
        assert_echo(&mut stream, b"hello").await;
        (progress.take_tls_renewal(), self.visits.lock().unwrap().pop().unwrap())
    }

    async fn refused(&self, opener: &Opener) -> ConnectError {
        soon(opener.open(&self.endpoint(), &ConnectProgress::new())).await.unwrap_err()
    }
}

/// A server that lets in whoever has a certificate of one of these authorities.
fn demanding(identity: &Identity, clients: &[&Authority]) -> ServerConfig {
    let mut roots = RootCertStore::empty();
    for authority in clients {
        roots.add(authority.der().into()).unwrap();
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![identity.certificate.clone()],
            identity.key.clone().try_into().unwrap(),
        )
        .unwrap()
}

fn opener(tls: TlsOptions) -> Opener {
    let mut options = TransportOptions::default();
    options.tls = tls;
    Opener::new(options)
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn unchanged() -> TlsRenewal {
    TlsRenewal::default()
}

fn renewed() -> TlsRenewal {
    let mut renewal = TlsRenewal::default();
    renewal.renewed = true;
    renewal
}

fn kept(error: TlsConfigError) -> TlsRenewal {
    let mut renewal = TlsRenewal::default();
    renewal.kept = Some(error);
    renewal
}

/// Two identities of one authority, as PEM: certificate and key.
fn identities(authority: &Authority) -> [(String, Vec<u8>); 2] {
    ["ec.pkcs8.pem", "ed25519.pkcs8.pem"].map(|key| {
        let key = fixture(key);
        (authority.client_for_key(&key), key)
    })
}

#[tokio::test]
async fn a_renewed_client_certificate_is_shown_from_the_next_attempt_on() {
    let (authority, folder) = (Authority::new(), Folder::new("renewed-client"));
    let [(old, old_key), (new, new_key)] = identities(&authority);
    let site = Site::start(demanding(&authority.server(&["localhost"]), &[&authority])).await;
    folder.write("dev.pem", &old);
    folder.write("dev.key", &old_key);
    let tls = TlsOptions::new().ca_bytes(authority.pem());
    let opener =
        opener(tls.client_certificate_files(folder.path("dev.pem"), folder.path("dev.key")));
    opener.check(&site.endpoint()).unwrap();
    let (found, (shown, kind)) = site.visit(&opener).await;
    assert_eq!((found, shown, kind), (unchanged(), Some(certificate(&old)), HandshakeKind::Full));
    // Files that were touched, and written anew with what they said, change nothing: sessions
    // are resumed.
    folder.write("dev.pem", &old);
    folder.write("dev.key", &old_key);
    let (found, (shown, kind)) = site.visit(&opener).await;
    assert_eq!((found, shown), (unchanged(), Some(certificate(&old))));
    assert_eq!(kind, HandshakeKind::Resumed);
    // Half of it: the old pair serves, and what is wrong is told, each time.
    folder.write("dev.pem", &new);
    let mismatch = TlsConfigError::KeyMismatch {
        certificate: evenkeel::tls::Origin::File(folder.path("dev.pem")),
        key: evenkeel::tls::Origin::File(folder.path("dev.key")),
    };
    for _ in 0..2 {
        let (found, (shown, _)) = site.visit(&opener).await;
        assert_eq!((found, shown), (kept(mismatch.clone()), Some(certificate(&old))));
    }
    // All of it, with the time of the old files.
    let time = fs::metadata(folder.path("dev.key")).unwrap().modified().unwrap();
    folder.write("dev.key", &new_key);
    for name in ["dev.pem", "dev.key"] {
        File::options().write(true).open(folder.path(name)).unwrap().set_modified(time).unwrap();
    }
    let (found, (shown, kind)) = site.visit(&opener).await;
    assert_eq!((found, shown, kind), (renewed(), Some(certificate(&new)), HandshakeKind::Full));
    let (found, (_, kind)) = site.visit(&opener).await;
    assert_eq!((found, kind), (unchanged(), HandshakeKind::Resumed));
    let shown = format!("{opener:?}");
    assert!(shown.contains("dev.pem") && !shown.contains("PRIVATE"), "{shown}");
}

#[tokio::test]
async fn files_that_are_gone_or_torn_leave_the_old_ones_in_use() {
    let (authority, folder) = (Authority::new(), Folder::new("torn"));
    let [(old, key), _] = identities(&authority);
    let site = Site::start(demanding(&authority.server(&["localhost"]), &[&authority])).await;
    let whole =
        [("ca.pem", authority.pem().into_bytes()), ("dev.pem", old.into()), ("dev.key", key)];
    for (name, content) in &whole {
        folder.write(name, content);
    }
    let tls = TlsOptions::new()
        .ca_file(folder.path("ca.pem"))
        .client_certificate_files(folder.path("dev.pem"), folder.path("dev.key"));
    let opener = opener(tls.clone());
    site.visit(&opener).await;
    for (name, content) in &whole {
        let path = folder.path(name);
        for torn in [None, Some(&content[..0]), Some(&content[..content.len() / 2])] {
            match torn {
                None => fs::remove_file(&path).unwrap(),
                Some(torn) => fs::write(&path, torn).unwrap(),
            }
            let error = tls.prepare().unwrap_err();
            let (found, _) = site.visit(&opener).await;
            assert_eq!(found, kept(error), "{name}");
            assert!(opener.check(&site.endpoint()).is_ok());
            // An opener that has never read them has nothing to keep.
            let fresh = self::opener(tls.clone());
            assert!(matches!(site.refused(&fresh).await, ConnectError::Config(_)));
        }
        folder.write(name, content);
        assert_eq!(site.visit(&opener).await.0, unchanged(), "{name}");
    }
}

/// The server has a certificate of a new authority: the file says so, or the folder.
#[tokio::test]
async fn renewed_authorities_are_trusted_from_the_next_attempt_on_and_old_ones_no_more() {
    let (old, new) = (Authority::new(), Authority::new());
    let folder = Folder::new("renewed-authorities");
    fs::create_dir(folder.path("in")).unwrap();
    let file = |path: &Path, authority: &Authority| fs::write(path, authority.pem()).unwrap();
    let (in_file, in_folder) = (folder.path("ca.pem"), folder.path("in/ca.pem"));
    for path in [in_file, in_folder] {
        let tls = if path.ends_with("in/ca.pem") {
            TlsOptions::new().ca_directory(folder.path("in"))
        } else {
            TlsOptions::new().ca_file(&path)
        };
        file(&path, &old);
        let opener = opener(tls);
        let [as_old, as_new] = [&old, &new]
            .map(|authority| crate::support::tls::server_config(&authority.server(&["localhost"])));
        let site = Site::start(as_old).await;
        let kinds = [site.visit(&opener).await, site.visit(&opener).await].map(|visit| visit.1.1);
        assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed]);
        // A session of the old trust is not resumed: it would verify nobody.
        file(&path, &new);
        let unknown = TlsError::CertificateRejected(CertificateProblem::UnknownIssuer);
        assert_eq!(site.refused(&opener).await, ConnectError::Tls(unknown));
        site.change(as_new);
        let (found, (_, kind)) = site.visit(&opener).await;
        // It was told with the attempt before.
        assert_eq!((found, kind), (unchanged(), HandshakeKind::Full));
    }
}

#[tokio::test]
async fn an_identity_can_be_given_for_each_attempt() {
    let authority = Authority::new();
    let [(one, one_key), (two, two_key)] = identities(&authority);
    let site = Site::start(demanding(&authority.server(&["localhost"]), &[&authority])).await;
    let tls = TlsOptions::new().ca_bytes(authority.pem());
    let finished = TlsOptions::from_rustls(tls.prepare().unwrap());
    let of_settings = tls.clone().client_certificate_bytes(one.clone(), one_key.clone());
    for tls in [tls, finished, of_settings] {
        let opener = opener(tls);
        for (pem, key) in [(&one, &one_key), (&two, &two_key), (&one, &one_key)] {
            let identity = TlsIdentity::from_bytes(pem.clone(), key.clone());
            let endpoint = site.endpoint().with_tls_identity(identity.clone());
            let shown = format!("{identity:?} {endpoint:?} {endpoint}");
            assert!(!shown.contains("PRIVATE"), "{shown}");
            let (found, (shown, kind)) = site.visit_as(&opener, &endpoint).await;
            assert_eq!((found, kind), (unchanged(), HandshakeKind::Full));
            assert_eq!(shown, Some(certificate(pem)));
            let (_, (shown, kind)) = site.visit_as(&opener, &endpoint).await;
            assert_eq!((shown, kind), (Some(certificate(pem)), HandshakeKind::Resumed));
        }
        // One that can't be used is refused: another one would be a surprise.
        let bad = TlsIdentity::from_bytes(one.clone(), two_key.clone());
        let endpoint = site.endpoint().with_tls_identity(bad);
        let error = soon(opener.open(&endpoint, &ConnectProgress::new())).await.unwrap_err();
        let ConnectError::Identity(TlsConfigError::KeyMismatch { .. }) = error else {
            panic!("{error:?}")
        };
        let none = TlsIdentity::from_bytes(one.clone(), Vec::new());
        let error = opener.check(&site.endpoint().with_tls_identity(none)).unwrap_err();
        let origin = evenkeel::tls::Origin::Bytes;
        let expected = TlsConfigError::NoKey { origin, found: Content::Nothing };
        assert_eq!(error, expected.into());
    }
}
