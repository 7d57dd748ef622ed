//! Certificates and keys, read anew for each attempt to connect (R12).
//!
//! What was made of them is kept as long as they say the same: with it go TLS sessions that can
//! be resumed, which must not outlive the trust and the identity they were made with. Contents
//! are compared, not times, as some tools that renew files keep those, and others touch them.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use tokio::sync::Mutex;

use super::identity::Material;
use super::{TlsConfigError, TlsIdentity, TlsOptions, TlsRenewal, config};

/// Attempts within this time share one reading of the operating system's certificates, which are
/// hundreds: when many clients connect at once, they have better things to do.
const SYSTEM_SHARED_FOR: Duration = Duration::from_secs(1);

/// What an opener has made of its TLS options.
#[derive(Clone, Default)]
pub(crate) struct TlsFiles {
    /// Held while files are read. An attempt that waits for another one's reading does so
    /// without a thread, so that a disk that does not answer holds one in all.
    made: Arc<Mutex<Made>>,
}

/// The last configuration and its parts.
#[derive(Default)]
pub(super) struct Made {
    hasher: RandomState,
    /// When the operating system's certificates were read, and their contents.
    system: Option<(Instant, u64)>,
    verifier: Option<Part<Arc<dyn ServerCertVerifier>>>,
    /// The identity of the options.
    own: Option<Part<Arc<CertifiedKey>>>,
    /// That of an attempt.
    given: Option<Part<Arc<CertifiedKey>>>,
    /// Beside the contents of verifier and identity.
    config: Option<([Option<u64>; 2], Arc<ClientConfig>)>,
}

/// A part of a configuration, and the contents that it was made of.
#[derive(Clone)]
struct Part<T> {
    contents: u64,
    value: T,
}

/// A configuration for one attempt, and what is to be said about the files behind it.
pub(crate) struct Prepared {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) renewal: TlsRenewal,
}

/// Why there is no configuration.
#[derive(Debug)]
pub(crate) enum Unprepared {
    Options(TlsConfigError),
    /// The identity that was given for this attempt.
    Given(TlsConfigError),
}

impl Unprepared {
    pub(crate) fn into_error(self) -> TlsConfigError {
        match self {
            Self::Options(error) | Self::Given(error) => error,
        }
    }
}

impl TlsFiles {
    /// Reads what the options name, or `given` in place of their identity, without blocking the
    /// task, and makes the configuration of an attempt.
    pub(crate) async fn read(
        &self,
        options: &TlsOptions,
        given: Option<&TlsIdentity>,
    ) -> Result<Prepared, Unprepared> {
        let mut made = self.made.clone().lock_owned().await;
        if !options.is_on_disk() && !given.is_some_and(TlsIdentity::is_on_disk) {
            return made.renew(options, given);
        }
        let (options, given) = (options.clone(), given.cloned());
        let reading = tokio::task::spawn_blocking(move || made.renew(&options, given.as_ref()));
        // Fails only if the runtime is going away.
        reading.await.unwrap_or_else(|_| {
            let detail = "reading its files was interrupted".to_owned();
            Err(Unprepared::Options(TlsConfigError::Refused { detail }))
        })
    }

    /// Reads what the options name on the spot, to find mistakes early.
    pub(crate) fn check(
        &self,
        options: &TlsOptions,
        given: Option<&TlsIdentity>,
    ) -> Result<(), Unprepared> {
        match self.made.try_lock() {
            Ok(mut made) => made.renew(options, given).map(drop),
            // An attempt is reading them.
            Err(_) => Made::default().renew(options, given).map(drop),
        }
    }
}

impl Made {
    pub(super) fn renew(
        &mut self,
        options: &TlsOptions,
        given: Option<&TlsIdentity>,
    ) -> Result<Prepared, Unprepared> {
        let mut renewal = TlsRenewal::default();
        let provider = config::provider(options).map_err(Unprepared::Options)?;
        let identity = match given {
            Some(given) => Some(self.given(given, &provider).map_err(Unprepared::Given)?),
            None => self.own(options, &provider, &mut renewal).map_err(Unprepared::Options)?,
        };
        let identified = identity.as_ref().map(|part| part.contents);
        let identity = identity.map(|part| part.value);
        let config = match options.finished() {
            Some(finished) => {
                self.config([None, identified], || Ok(config::with_identity(finished, identity)))
            }
            None => self.verifier(options, &provider, &mut renewal).and_then(|verifier| {
                self.config([Some(verifier.contents), identified], || {
                    config::assemble(options, provider, verifier.value, identity)
                })
            }),
        };
        Ok(Prepared { config: config.map_err(Unprepared::Options)?, renewal })
    }

    /// The last configuration, if it was made of these contents, or a new one.
    fn config(
        &mut self,
        contents: [Option<u64>; 2],
        make: impl FnOnce() -> Result<Arc<ClientConfig>, TlsConfigError>,
    ) -> Result<Arc<ClientConfig>, TlsConfigError> {
        if let Some((_, config)) = self.config.as_ref().filter(|made| made.0 == contents) {
            return Ok(config.clone());
        }
        let config = make()?;
        self.config = Some((contents, config.clone()));
        Ok(config)
    }

    /// Who is trusted.
    fn verifier(
        &mut self,
        options: &TlsOptions,
        provider: &Arc<CryptoProvider>,
        renewal: &mut TlsRenewal,
    ) -> Result<Part<Arc<dyn ServerCertVerifier>>, TlsConfigError> {
        let uses_system = options.uses_system();
        let (system, read_system) = if uses_system { self.system() } else { (0, None) };
        let read = config::own_authorities(options);
        let read = read.map(|own| (hash(&self.hasher, &own.certificates, system), own));
        let build = |own| {
            let system = || read_system.unwrap_or_else(config::system_authorities);
            config::verifier(options, own, uses_system.then(system), provider)
        };
        Part::renew(&mut self.verifier, read, build, renewal)
    }

    fn own(
        &mut self,
        options: &TlsOptions,
        provider: &CryptoProvider,
        renewal: &mut TlsRenewal,
    ) -> Result<Option<Part<Arc<CertifiedKey>>>, TlsConfigError> {
        // A finished configuration has its own.
        let (Some(source), None) = (&options.identity, options.finished()) else {
            return Ok(None);
        };
        let read = source.read().map(|read| (contents(&self.hasher, &read), read));
        let build = |read| source.check(read, provider);
        Part::renew(&mut self.own, read, build, renewal).map(Some)
    }

    /// Whoever gives an identity for an attempt is not served with another one.
    fn given(
        &mut self,
        source: &TlsIdentity,
        provider: &CryptoProvider,
    ) -> Result<Part<Arc<CertifiedKey>>, TlsConfigError> {
        let read = source.read()?;
        let contents = contents(&self.hasher, &read);
        if let Some(part) = self.given.as_ref().filter(|part| part.contents == contents) {
            return Ok(part.clone());
        }
        let part = Part { contents, value: source.check(read, provider)? };
        Ok(self.given.insert(part).clone())
    }

    /// Tells the contents of the operating system's certificates apart; gives them, too, if they
    /// were read for this.
    fn system(&mut self) -> (u64, Option<Vec<CertificateDer<'static>>>) {
        match self.system {
            Some((read, contents)) if read.elapsed() < SYSTEM_SHARED_FOR => (contents, None),
            _ => {
                let certificates = config::system_authorities();
                let contents = hash(&self.hasher, &certificates, 0);
                self.system = Some((Instant::now(), contents));
                (contents, Some(certificates))
            }
        }
    }
}

impl<T: Clone> Part<T> {
    /// Takes what was read if it is new and can be used. What was made before serves if it
    /// can't: certificate and key are two files, which are not replaced at once.
    fn renew<Read>(
        part: &mut Option<Self>,
        read: Result<(u64, Read), TlsConfigError>,
        build: impl FnOnce(Read) -> Result<T, TlsConfigError>,
        renewal: &mut TlsRenewal,
    ) -> Result<Self, TlsConfigError> {
        let built = read.and_then(|(contents, read)| {
            match part.as_ref().filter(|part| part.contents == contents) {
                Some(same) => Ok(same.clone()),
                None => build(read).map(|value| Self { contents, value }),
            }
        });
        match (built, part.as_ref()) {
            (Ok(new), old) => {
                renewal.renewed |= old.is_some_and(|old| old.contents != new.contents);
                Ok(part.insert(new).clone())
            }
            (Err(error), Some(old)) => {
                renewal.kept.get_or_insert(error);
                Ok(old.clone())
            }
            (Err(error), None) => Err(error),
        }
    }
}

fn hash(hasher: &RandomState, certificates: &[CertificateDer<'_>], also: u64) -> u64 {
    let mut hash = hasher.build_hasher();
    hash.write_u64(also);
    for certificate in certificates {
        hash.write_usize(certificate.len());
        hash.write(certificate);
    }
    hash.finish()
}

fn contents(hasher: &RandomState, identity: &Material) -> u64 {
    match identity {
        Material::Read { chain, key } => {
            let mut hash_of_key = hasher.build_hasher();
            hash_of_key.write(key.secret_der());
            hash(hasher, chain, hash_of_key.finish())
        }
        // One that was made by hand is the same as long as it is in the same place.
        Material::Finished(identity) => hasher.hash_one(Arc::as_ptr(identity).addr()),
    }
}
