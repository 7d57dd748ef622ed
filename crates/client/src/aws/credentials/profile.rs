//! Keys in the files that AWS's tools share.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::ini::{self, Settings};
use super::{AwsCredentials, AwsCredentialsError, AwsKeys, CredentialProcess, Variables, apart};
use crate::hooks::HookFuture;

const LARGEST_FILE: u64 = 1 << 20;

/// Settings by which AWS's tools get keys from AWS itself. They go before keys that stand beside
/// them, which are another identity's.
const NOT_SUPPORTED: [&str; 6] = [
    "sso_session",
    "sso_start_url",
    "login_session",
    "role_arn",
    "source_profile",
    "web_identity_token_file",
];

/// The keys of a profile in `~/.aws/credentials` and `~/.aws/config`, read anew for each attempt:
/// its access key, or what its `credential_process` gives.
///
/// `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE` name other files. What both files say of a
/// profile counts, that of the first before that of the second.
#[derive(Clone, Debug, Default)]
pub struct SharedProfile {
    name: Option<String>,
    variables: Variables,
}

/// Which of the two files it is: they name profiles in two ways.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Credentials,
    Config,
}

impl SharedProfile {
    /// The profile that `AWS_PROFILE` names, or else `default`.
    pub fn new() -> Self {
        Self::default()
    }

    /// This profile.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), variables: Variables::default() }
    }

    #[cfg(test)]
    pub(super) fn with(variables: Variables) -> Self {
        Self { name: None, variables }
    }

    pub(super) fn read(&self) -> Result<AwsKeys, AwsCredentialsError> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => self.variables.text("AWS_PROFILE")?.unwrap_or_else(|| "default".to_owned()),
        };
        let credentials = self.path("AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
        let config = self.path("AWS_CONFIG_FILE", "config")?;
        let settings = settings(&name, credentials, config)?;
        keys(name, &settings)
    }

    /// A file that a variable names, or else that of the user.
    fn path(&self, variable: &str, file: &str) -> Result<PathBuf, AwsCredentialsError> {
        let home = || -> Result<OsString, AwsCredentialsError> {
            let found = self.variables.get("HOME").or_else(|| self.variables.get("USERPROFILE"));
            found.ok_or(AwsCredentialsError::NoHome)
        };
        let Some(given) = self.variables.get(variable).map(PathBuf::from) else {
            return Ok(Path::new(&home()?).join(".aws").join(file));
        };
        match given.strip_prefix("~") {
            Ok(below_home) => Ok(Path::new(&home()?).join(below_home)),
            Err(_) => Ok(given),
        }
    }
}

impl AwsCredentials for SharedProfile {
    fn keys(&self) -> HookFuture<Result<AwsKeys, AwsCredentialsError>> {
        let profile = self.clone();
        Box::pin(apart(move || profile.read()))
    }
}

/// What the two files say of a profile.
fn settings(
    name: &str,
    credentials: PathBuf,
    config: PathBuf,
) -> Result<Settings, AwsCredentialsError> {
    let files = [(&credentials, Kind::Credentials), (&config, Kind::Config)];
    let (mut found, mut is_any_there) = (None, false);
    for (path, kind) in files {
        let Some(text) = read_file(path)? else { continue };
        is_any_there = true;
        let sections = ini::parse(&text).map_err(|ini::BadLine { line, problem }| {
            AwsCredentialsError::Malformed { path: path.clone(), line, problem }
        })?;
        for (title, settings) in sections.into_iter().rev() {
            if is_profile(&title, name, kind) {
                let known: &mut Settings = found.get_or_insert_default();
                settings.into_iter().for_each(|(name, value)| {
                    known.entry(name).or_insert(value);
                });
            }
        }
    }
    let paths = vec![credentials, config];
    match (found, is_any_there, paths) {
        (Some(settings), ..) => Ok(settings),
        (None, true, paths) => {
            Err(AwsCredentialsError::NoProfile { profile: name.to_owned(), paths })
        }
        (None, false, mut paths) => Err(AwsCredentialsError::Unreadable {
            path: paths.swap_remove(0),
            error: io::ErrorKind::NotFound.into(),
        }),
    }
}

/// The second file says `[profile name]`, except of the default profile.
fn is_profile(title: &str, name: &str, kind: Kind) -> bool {
    let unquoted = |text: &str| text.trim().trim_matches(['"', '\'']) == name;
    let with_prefix = title.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t']));
    match (kind, with_prefix) {
        (Kind::Credentials, _) => title == name,
        (Kind::Config, Some(rest)) => unquoted(rest),
        (Kind::Config, None) => name == "default" && title == name,
    }
}

/// `None` if there is no such file.
fn read_file(path: &Path) -> Result<Option<String>, AwsCredentialsError> {
    let unreadable = |error: io::Error| AwsCredentialsError::Unreadable {
        path: path.to_owned(),
        error: error.into(),
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(AwsCredentialsError::TooLarge { path: path.to_owned() });
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        AwsCredentialsError::Malformed { path: path.to_owned(), line, problem: "is not UTF-8" }
    });
    text.map(Some)
}

fn keys(profile: String, settings: &Settings) -> Result<AwsKeys, AwsCredentialsError> {
    let get = |name: &str| settings.get(name).filter(|value| !value.is_empty());
    if let Some(setting) = NOT_SUPPORTED.iter().find(|name| get(name).is_some()) {
        return Err(AwsCredentialsError::NotSupported { profile, setting: (*setting).to_owned() });
    }
    let (id, secret) = (get("aws_access_key_id"), get("aws_secret_access_key"));
    match (id, secret, get("credential_process")) {
        (Some(id), Some(secret), _) => {
            let mut keys = AwsKeys::new(id, secret);
            keys.session_token = get("aws_session_token").cloned();
            Ok(keys)
        }
        (None, None, Some(line)) => Ok(CredentialProcess::parse(line)?.run()?),
        (Some(_), None, _) => {
            Err(AwsCredentialsError::Incomplete { profile, missing: "aws_secret_access_key" })
        }
        (None, ..) => {
            Err(AwsCredentialsError::Incomplete { profile, missing: "aws_access_key_id" })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A folder that is removed with its files.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("evenkeel-aws-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir_all(path.join(".aws")).unwrap();
            Self(path)
        }

        fn write(&self, file: &str, text: impl AsRef<[u8]>) -> PathBuf {
            let path = self.0.join(".aws").join(file);
            std::fs::write(&path, text).unwrap();
            path
        }

        /// Reads with this folder for the user's, and these variables.
        fn read(&self, variables: &[(&str, &str)]) -> Result<AwsKeys, AwsCredentialsError> {
            let home = [("HOME", self.0.to_str().unwrap())];
            SharedProfile::with(Variables::of(&[&home, variables].concat())).read()
        }

        fn path(&self, file: &str) -> PathBuf {
            self.0.join(".aws").join(file)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    const TWO: &str = "[default]\naws_access_key_id = one\naws_secret_access_key = s1\n\
                       [two]\naws_access_key_id = two\naws_secret_access_key = s2\n\
                       aws_session_token = t2\n";

    #[test]
    fn a_profile_has_keys() {
        let folder = Folder::new();
        folder.write("credentials", TWO);
        let (one, two) = (AwsKeys::new("one", "s1"), AwsKeys::new("two", "s2").session_token("t2"));
        assert_eq!(folder.read(&[]), Ok(one.clone()));
        assert_eq!(folder.read(&[("AWS_PROFILE", "")]), Ok(one.clone()));
        assert_eq!(folder.read(&[("AWS_PROFILE", "two")]), Ok(two));
        let home = Variables::of(&[("HOME", folder.0.to_str().unwrap()), ("AWS_PROFILE", "two")]);
        let named = SharedProfile { name: Some("default".to_owned()), variables: home };
        assert_eq!(named.read(), Ok(one));
    }

    #[test]
    fn variables_name_other_files() {
        let folder = Folder::new();
        let other = folder.write("other", TWO);
        let other = other.to_str().unwrap();
        let (key, one) = ("AWS_SHARED_CREDENTIALS_FILE", AwsKeys::new("one", "s1"));
        assert_eq!(folder.read(&[(key, other)]), Ok(one.clone()));
        assert_eq!(folder.read(&[(key, "~/.aws/other")]), Ok(one.clone()));
        folder.write("my-config", TWO.replace("[two]", "[profile two]"));
        assert_eq!(folder.read(&[("AWS_CONFIG_FILE", "~/.aws/my-config")]), Ok(one));
    }

    #[test]
    fn the_second_file_says_profile_and_comes_behind_the_first() {
        let folder = Folder::new();
        let of = |profile: &str| folder.read(&[("AWS_PROFILE", profile)]);
        folder.write(
            "config",
            "[default]\nregion = eu-west-1\naws_access_key_id = d\naws_secret_access_key = sd\n\
             [profile two]\naws_access_key_id = behind\naws_session_token = t\n\
             [profile \"a b\"]\naws_access_key_id = ab\naws_secret_access_key = sab\n\
             [three]\naws_access_key_id = x\naws_secret_access_key = sx\n",
        );
        folder.write("credentials", "[two]\naws_access_key_id = two\naws_secret_access_key = s2\n");
        assert_eq!(of("default"), Ok(AwsKeys::new("d", "sd")));
        assert_eq!(of("two"), Ok(AwsKeys::new("two", "s2").session_token("t")));
        assert_eq!(of("a b"), Ok(AwsKeys::new("ab", "sab")));
        let paths = vec![folder.path("credentials"), folder.path("config")];
        assert_eq!(
            of("three"),
            Err(AwsCredentialsError::NoProfile { profile: "three".to_owned(), paths })
        );
    }

    #[test]
    fn a_missing_file_is_told() {
        let folder = Folder::new();
        let error = folder.read(&[]).unwrap_err();
        let path = folder.path("credentials");
        let expected =
            AwsCredentialsError::Unreadable { path, error: io::ErrorKind::NotFound.into() };
        assert_eq!(error, expected);
        assert!(error.to_string().contains("aws configure"), "{error}");
        let error = SharedProfile::with(Variables::of(&[])).read().unwrap_err();
        assert_eq!(error, AwsCredentialsError::NoHome);
        // A folder in its place.
        std::fs::create_dir(folder.path("credentials")).unwrap();
        let error = folder.read(&[]).unwrap_err();
        assert!(matches!(error, AwsCredentialsError::Unreadable { .. }), "{error:?}");
    }

    #[test]
    fn broken_files_are_told_with_the_line_and_without_what_it_says() {
        let folder = Folder::new();
        for (text, line) in [
            (b"[default]\naws_access_key_id s3cret\n".as_slice(), 2),
            (b"s3cret = s3cret\n", 1),
            (b"[s3cret\n", 1),
            (b"[default]\n\naws_secret_access_key = s3cret\xff\n", 3),
        ] {
            let expected = folder.write("credentials", text);
            let error = folder.read(&[]).unwrap_err();
            let AwsCredentialsError::Malformed { path, line: told, .. } = &error else {
                panic!("{error:?}");
            };
            assert_eq!((path, *told), (&expected, line));
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_file_is_read_up_to_its_largest_size() {
        let folder = Folder::new();
        let largest = usize::try_from(LARGEST_FILE).unwrap();
        let comment = "#".repeat(largest - TWO.len());
        folder.write("credentials", format!("{TWO}{comment}"));
        assert_eq!(folder.read(&[]), Ok(AwsKeys::new("one", "s1")));
        let path = folder.write("credentials", format!("{TWO}{comment}#"));
        assert_eq!(folder.read(&[]), Err(AwsCredentialsError::TooLarge { path }));
    }

    #[test]
    fn incomplete_profiles_say_what_they_lack() {
        let folder = Folder::new();
        for (text, missing) in [
            ("[default]\nregion = eu-west-1\n", "aws_access_key_id"),
            ("[default]\naws_secret_access_key = s\n", "aws_access_key_id"),
            ("[default]\naws_access_key_id = i\n", "aws_secret_access_key"),
            (
                "[default]\naws_access_key_id = i\naws_secret_access_key =\n",
                "aws_secret_access_key",
            ),
        ] {
            folder.write("credentials", text);
            let profile = "default".to_owned();
            let expected = AwsCredentialsError::Incomplete { profile, missing };
            assert_eq!(folder.read(&[]), Err(expected), "{text}");
        }
    }

    /// Keys beside a role are those of another identity.
    #[test]
    fn what_only_awss_tools_do_is_told_with_the_way_around() {
        let folder = Folder::new();
        for setting in NOT_SUPPORTED {
            folder.write("config", format!("[default]\n{setting} = x\n"));
            folder.write("credentials", TWO);
            let error = folder.read(&[]).unwrap_err();
            let (profile, setting) = ("default".to_owned(), setting.to_owned());
            assert_eq!(error, AwsCredentialsError::NotSupported { profile, setting });
            assert!(error.to_string().contains("export-credentials"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_profile_may_have_a_process() {
        let folder = Folder::new();
        folder.write("keys.json", r#"{"Version":1,"AccessKeyId":"i","SecretAccessKey":"s"}"#);
        let keys = folder.path("keys.json");
        let line = format!("[default]\ncredential_process = cat '{}'\n", keys.display());
        folder.write("config", line);
        assert_eq!(folder.read(&[]), Ok(AwsKeys::new("i", "s")));
        folder.write("config", "[default]\ncredential_process = cat 's3cret\n");
        let error = folder.read(&[]).unwrap_err();
        assert_eq!(error, AwsCredentialsError::Process(super::super::ProcessError::CommandLine));
    }
}
