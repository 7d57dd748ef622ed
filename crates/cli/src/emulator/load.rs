//! The folder of an account, read into an emulator.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evenkeel_aws::emulator::settings::{CertificateSettings, Settings, ThingSettings, read};
use evenkeel_aws::emulator::{Emulator, LeftOut};
use evenkeel_aws::gate::policy::Policy;
use evenkeel_aws::gate::{CertificateId, CertificateStatus, Gate, Registry, RegistryError, Thing};
use evenkeel_aws::{Limits, Services, Time};
use serde::de::DeserializeOwned;

use super::Folder;
use super::authority::Authority;
use super::authorizers::Authorizers;
use super::issuer::FolderIssuer;
use super::state::{self, ReadError};
use crate::error::Failure;

/// Bytes of a file that are read; those of an account are small.
const FILE_BYTES: u64 = 64 * 1024 * 1024;

/// An account, ready to be served.
pub(crate) struct Loaded {
    pub(crate) emulator: Emulator,
    /// Who answers for its authorizers.
    pub(crate) authorizers: Authorizers,
    /// What of the files was left out, as the state goes before them.
    pub(crate) warnings: Vec<String>,
}

/// An emulator of the folder's account, as an earlier run has left it.
///
/// `hasten` divides what lasts for an hour, and the minutes of jobs.
pub(crate) fn load(folder: &Folder, hasten: u32) -> Result<Loaded, Failure> {
    if !folder.settings().is_file() {
        return Err(Failure::usage(format!("'{}' is no account", folder.root().display()))
            .why("there is no aws.toml in it")
            .hint("--init THING makes one, with a thing of that name"));
    }
    let mut gate = Gate::default();
    let mut services = Services::new(limits(hasten));
    policies(folder, &mut gate)?;
    things(folder, &mut gate)?;
    let certificates = Certificates::read(folder, &mut gate)?;
    templates(folder, &mut services)?;
    let path = folder.settings();
    let settings: Settings = toml(&path)?;
    let authorizers = Authorizers::new(folder.root(), settings.commands());
    settings.apply(&mut gate, &mut services).map_err(|error| bad(&path, error))?;
    let authority = Authority::read(&text(&folder.authority())?, &text(&folder.authority_key())?);
    let authority = authority.map_err(|error| bad(&folder.authority(), error))?;
    let issuer = FolderIssuer::new(authority);
    let mut emulator = Emulator::new(gate, services, Box::new(issuer), super::issuer::seed());
    let path = folder.state();
    check_old_state(folder)?;
    let state = state::read(&path).map_err(|error| match error {
        ReadError::Io(error) => unreadable(&path, error),
        ReadError::State(error) => damaged(&path, error),
        ReadError::LongLine(line) => damaged(&path, format!("line {line} has no end")),
    })?;
    let mut left_out = Vec::new();
    if !state.is_empty() {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Time { elapsed: Duration::ZERO, unix };
        left_out = emulator.load(state, now).map_err(|error| damaged(&path, error))?;
    }
    left_out.extend(certificates.attach_rest(&mut emulator)?);
    let warning = |piece| format!("'{}': {piece}", certificates.file_of(piece, folder).display());
    let warnings = left_out.iter().map(warning).collect();
    Ok(Loaded { emulator, authorizers, warnings })
}

/// A state that this version does not read is refused as long as nothing has taken its place.
fn check_old_state(folder: &Folder) -> Result<(), Failure> {
    let path = folder.old_state();
    if folder.state().exists() || !path.exists() {
        return Ok(());
    }
    Err(Failure::usage(format!("'{}' cannot be used", path.display()))
        .why("it is the state of an older version of this program; this one keeps state.jsonl")
        .hint("move it away to begin with the account's files alone, or use the older program"))
}

fn limits(hasten: u32) -> Limits {
    let mut limits = Limits::AWS;
    limits.jobs.minute /= hasten;
    limits.provisioning.token_validity /= hasten;
    limits.lifecycle.remembered /= hasten;
    limits
}

fn policies(folder: &Folder, gate: &mut Gate) -> Result<(), Failure> {
    for path in files(&folder.policies(), "json")? {
        let policy = Policy::parse(&text(&path)?).map_err(|error| bad(&path, error))?;
        let set = gate.registry.set_policy(&name(&path), policy);
        set.map_err(|error| bad(&path, error))?;
    }
    Ok(())
}

fn things(folder: &Folder, gate: &mut Gate) -> Result<(), Failure> {
    for path in files(&folder.things(), "toml")? {
        let ThingSettings { thing_type, attributes } = toml(&path)?;
        let set = gate.registry.set_thing(&name(&path), Thing { thing_type, attributes });
        set.map_err(|error| bad(&path, error))?;
    }
    Ok(())
}

/// The files of certificates.
#[derive(Default)]
struct Certificates {
    paths: BTreeMap<CertificateId, PathBuf>,
    /// Those that name what no file has; the state may have it.
    unsettled: Vec<(CertificateId, CertificateSettings)>,
}

impl Certificates {
    /// Each certificate is a pair: its PEM, and what it may do.
    fn read(folder: &Folder, gate: &mut Gate) -> Result<Self, Failure> {
        let mut all = Self::default();
        for path in files(&folder.certificates(), "toml")? {
            let settings: CertificateSettings = toml(&path)?;
            let pem = path.with_extension("pem");
            let id = CertificateId::of_pem(&text(&pem)?)
                .ok_or_else(|| bad(&pem, "no certificate; hint: PEM, BEGIN CERTIFICATE"))?;
            let status = CertificateStatus::named(&settings.status).ok_or_else(|| {
                bad(&path, "no such status; hint: ACTIVE, INACTIVE, PENDING_ACTIVATION or REVOKED")
            })?;
            let registry = &mut gate.registry;
            if !registry.register(id, status).map_err(|error| bad(&path, error))? {
                return Err(bad(&pem, "another file has the same certificate"));
            }
            match attach(registry, id, &settings) {
                Err(RegistryError::NoThing(_) | RegistryError::NoPolicy(_)) => {
                    all.unsettled.push((id, settings));
                }
                outcome => outcome.map_err(|error| bad(&path, error))?,
            }
            all.paths.insert(id, path);
        }
        Ok(all)
    }

    /// Attaches what the state has, if not the files; what is nowhere is an error.
    fn attach_rest(&self, emulator: &mut Emulator) -> Result<Vec<LeftOut>, Failure> {
        let mut left_out = Vec::new();
        for (id, settings) in &self.unsettled {
            let attached = emulator.attach_of_file(*id, settings);
            left_out.extend(attached.map_err(|error| bad(&self.path(*id), error))?);
        }
        Ok(left_out)
    }

    fn path(&self, id: CertificateId) -> PathBuf {
        self.paths.get(&id).cloned().unwrap_or_default()
    }

    fn file_of(&self, piece: &LeftOut, folder: &Folder) -> PathBuf {
        match piece {
            LeftOut::Deleted { certificate, .. }
            | LeftOut::Exclusive { certificate, .. }
            | LeftOut::Certificate(certificate) => self.path(*certificate),
            LeftOut::Thing(name) => folder.things().join(format!("{name}.toml")),
            LeftOut::Policy(name) => folder.policies().join(format!("{name}.json")),
            _ => folder.root().to_owned(),
        }
    }
}

fn attach(
    registry: &mut Registry,
    id: CertificateId,
    settings: &CertificateSettings,
) -> Result<(), RegistryError> {
    settings.policies.iter().try_for_each(|name| registry.attach_policy(id, name))?;
    let mut things = settings.things.iter();
    things.try_for_each(|name| registry.attach_thing(id, name, settings.exclusive))
}

fn templates(folder: &Folder, services: &mut Services) -> Result<(), Failure> {
    for path in files(&folder.templates(), "json")? {
        let set = services.provisioning().set_template(&name(&path), &text(&path)?);
        set.map_err(|error| bad(&path, error))?;
    }
    Ok(())
}

/// The files of a folder that end like this, in the order of their names; none if
/// there is no such folder.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn toml<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    read(&text(path)?).map_err(|error| bad(path, error))
}

pub(super) fn text(path: &Path) -> Result<String, Failure> {
    text_if_any(path)?.ok_or_else(|| {
        Failure::usage(format!("there is no '{}'", path.display()))
            .hint("--init THING makes what an account needs, and writes nothing over")
    })
}

/// A file's text; `None` if there is none.
pub(super) fn text_if_any(path: &Path) -> Result<Option<String>, Failure> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(path, error)),
    };
    let mut text = String::new();
    let length = file.take(FILE_BYTES + 1).read_to_string(&mut text);
    let length = length.map_err(|error| unreadable(path, error))?;
    if length as u64 > FILE_BYTES {
        return Err(bad(path, format!("longer than {FILE_BYTES} bytes")));
    }
    Ok(Some(text))
}

fn bad(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("'{}' is not valid", path.display()))
        .why(why)
        .hint("docs/aws.md says what may stand there")
}

fn damaged(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("'{}' cannot be used", path.display()))
        .why(why)
        .hint("move it away to begin with the account's files alone, or use the newer program")
}

fn unreadable(path: &Path, error: std::io::Error) -> Failure {
    Failure::usage(format!("'{}' cannot be read", path.display())).why(error)
}
