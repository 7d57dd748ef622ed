//! Keys in environment variables, and what to do if there are none.

use super::{AwsCredentials, AwsCredentialsError, AwsKeys, SharedProfile, Variables, apart};
use crate::aws::time::parse;
use crate::hooks::HookFuture;

const ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";
/// What `aws configure export-credentials` writes beside the others.
const EXPIRATION: &str = "AWS_CREDENTIAL_EXPIRATION";

/// The keys in `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, with `AWS_SESSION_TOKEN` and
/// `AWS_CREDENTIAL_EXPIRATION` if they are temporary.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: Variables,
}

impl Environment {
    /// Reads the variables of this process.
    pub fn new() -> Self {
        Self::default()
    }

    fn read(&self) -> Result<AwsKeys, AwsCredentialsError> {
        let needed = |name: &'static str| {
            self.variables.text(name)?.ok_or(AwsCredentialsError::MissingVariable { name })
        };
        let mut keys = AwsKeys::new(needed(ID)?, needed(SECRET)?);
        keys.session_token = self.variables.text(TOKEN)?;
        if let Some(text) = self.variables.text(EXPIRATION)? {
            let invalid = AwsCredentialsError::Invalid { field: EXPIRATION };
            keys = keys.expires_at(parse(&text).ok_or(invalid)?);
        }
        Ok(keys)
    }
}

impl AwsCredentials for Environment {
    fn keys(&self) -> HookFuture<Result<AwsKeys, AwsCredentialsError>> {
        Box::pin(std::future::ready(self.read()))
    }
}

/// What AWS's tools use if nothing is said: the [`Environment`], and without `AWS_ACCESS_KEY_ID`
/// in it the [`SharedProfile`].
#[derive(Clone, Debug, Default)]
pub struct DefaultSources {
    environment: Environment,
    profile: SharedProfile,
}

impl DefaultSources {
    /// The environment of this process, and the files that it names.
    pub fn new() -> Self {
        Self::default()
    }
}

impl AwsCredentials for DefaultSources {
    fn keys(&self) -> HookFuture<Result<AwsKeys, AwsCredentialsError>> {
        match self.environment.read() {
            Err(AwsCredentialsError::MissingVariable { name: ID }) => {
                let profile = self.profile.clone();
                Box::pin(apart(move || profile.read()))
            }
            known => Box::pin(std::future::ready(known)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, &str)]) -> Result<AwsKeys, AwsCredentialsError> {
        Environment { variables: Variables::of(values) }.read()
    }

    #[test]
    fn keys_come_from_variables() {
        let long_lived = [(ID, "id"), (SECRET, "secret")];
        assert_eq!(read(&long_lived), Ok(AwsKeys::new("id", "secret")));
        let temporary =
            [(ID, "id"), (SECRET, "secret"), (TOKEN, "t"), (EXPIRATION, "2026-11-29T12:00:00Z")];
        let at = parse("2026-11-29T12:00:00Z").unwrap();
        let expected = AwsKeys::new("id", "secret").session_token("t").expires_at(at);
        assert_eq!(read(&temporary), Ok(expected));
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = |name| Err(AwsCredentialsError::MissingVariable { name });
        assert_eq!(read(&[]), missing(ID));
        assert_eq!(read(&[(SECRET, "secret")]), missing(ID));
        assert_eq!(read(&[(ID, "id")]), missing(SECRET));
        assert_eq!(read(&[(ID, ""), (SECRET, "secret")]), missing(ID), "empty is none");
        let error = read(&[(ID, "id"), (SECRET, "s3cret"), (EXPIRATION, "s3cret")]).unwrap_err();
        assert_eq!(error, AwsCredentialsError::Invalid { field: EXPIRATION });
        assert!(!format!("{error:?} {error}").contains("s3cret"));
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_no_text_is_named() {
        use std::os::unix::ffi::OsStringExt;

        let bytes = || std::ffi::OsString::from_vec(vec![b'a', 0xff]);
        let variables = Variables(std::sync::Arc::new(move |_| Some(bytes())));
        let error = Environment { variables }.read().unwrap_err();
        assert_eq!(error, AwsCredentialsError::Invalid { field: ID });
    }

    #[tokio::test]
    async fn without_variables_the_profile_is_read() {
        let in_files =
            [("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/c"), ("AWS_CONFIG_FILE", "/nowhere")];
        let sources = |variables: Vec<(&str, &str)>| {
            let variables = Variables::of(&variables);
            DefaultSources {
                environment: Environment { variables: variables.clone() },
                profile: SharedProfile::with(variables),
            }
        };
        let error = sources(in_files.to_vec()).keys().await.unwrap_err();
        assert!(matches!(error, AwsCredentialsError::Unreadable { .. }), "{error:?}");
        let half = sources([&in_files[..], &[(ID, "id")]].concat()).keys().await.unwrap_err();
        assert_eq!(half, AwsCredentialsError::MissingVariable { name: SECRET });
        let all = sources([&in_files[..], &[(ID, "id"), (SECRET, "secret")]].concat());
        assert_eq!(all.keys().await, Ok(AwsKeys::new("id", "secret")));
    }
}
