//! Keys from a program that writes them (`credential_process`).

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::{AwsCredentials, AwsCredentialsError, AwsKeys, ProcessError, apart};
use crate::aws::time;
use crate::hooks::HookFuture;

/// Below the time that hooks have by default, so that what went wrong is told.
const LIMIT: Duration = Duration::from_secs(8);
/// Many times what the longest session token needs.
const LONGEST_OUTPUT: usize = 64 << 10;
/// How often it is looked whether a program has ended that has closed its output.
const LOOK: Duration = Duration::from_millis(5);

/// A program that writes keys as JSON, in the form of `credential_process` in `~/.aws/config`:
/// run anew for each attempt, without a shell and without input.
///
/// It has 8 s unless set otherwise; then it is ended, and on Unix everything that it has started.
/// What it writes to its error output is not shown, as that may hold secrets.
///
/// ```no_run
/// use evenkeel::Client;
/// use evenkeel::aws::CredentialProcess;
///
/// let process = CredentialProcess::parse(
///     "aws configure export-credentials --profile fleet --format process",
/// )?;
/// let builder = Client::aws_iot("a1b2-ats.iot.eu-west-1.amazonaws.com")?.signed(process);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct CredentialProcess {
    program: PathBuf,
    arguments: Vec<OsString>,
    limit: Duration,
}

/// What such a program writes.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

impl CredentialProcess {
    /// This program, with these arguments.
    pub fn new<T: Into<OsString>>(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = T>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { program: program.into(), arguments, limit: LIMIT }
    }

    /// A command line: words with blanks between them, and quotes around what has blanks. On Unix
    /// a backslash takes the meaning from what follows it.
    pub fn parse(line: &str) -> Result<Self, ProcessError> {
        let mut words = words(line).ok_or(ProcessError::CommandLine)?.into_iter();
        let program = words.next().filter(|program| !program.is_empty());
        Ok(Self::new(program.ok_or(ProcessError::CommandLine)?, words))
    }

    /// How long it may take. Longer than
    /// [`hook_timeout`](crate::ClientBuilder::hook_timeout) is without effect.
    #[must_use]
    pub const fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Blocks until it has ended.
    pub(super) fn run(&self) -> Result<AwsKeys, ProcessError> {
        let program = || self.program.clone();
        let output = self.output()?;
        let no_keys = |problem| ProcessError::NoKeys { program: program(), problem };
        // What the JSON library says could hold a part of the keys.
        let output: Output =
            serde_json::from_slice(&output).map_err(|_| no_keys("no JSON object with keys"))?;
        if output.version != 1 {
            return Err(no_keys("keys in another version than 1"));
        }
        let mut keys = AwsKeys::new(output.access_key_id, output.secret_access_key);
        keys.session_token = output.session_token.filter(|token| !token.is_empty());
        match output.expiration.as_deref().map(time::parse) {
            None => Ok(keys),
            Some(Some(at)) => Ok(keys.expires_at(at)),
            Some(None) => Err(no_keys("keys whose Expiration is no time")),
        }
    }

    fn output(&self) -> Result<Vec<u8>, ProcessError> {
        let program = || self.program.clone();
        let not_started =
            |error: io::Error| ProcessError::NotStarted { program: program(), error: error.into() };
        let deadline = Instant::now() + self.limit;
        let mut running = Running::start(self).map_err(not_started)?;
        let (written, output) = mpsc::sync_channel(1);
        let stdout = running.stdout();
        // Not waited for: something may hold the output open that cannot be ended.
        let reader = move || written.send(stdout.map(read_bounded));
        std::thread::Builder::new()
            .name("evenkeel-aws".to_owned())
            .spawn(reader)
            .map_err(not_started)?;
        let left = || deadline.saturating_duration_since(Instant::now());
        let timed_out = || ProcessError::TimedOut { program: program(), limit: self.limit };
        let bytes = output.recv_timeout(left()).map_err(|_| timed_out())?.unwrap_or_default();
        if bytes.len() > LONGEST_OUTPUT {
            return Err(ProcessError::TooLong { program: program(), limit: LONGEST_OUTPUT });
        }
        let status = running.wait(deadline).map_err(not_started)?.ok_or_else(timed_out)?;
        if status.success() {
            Ok(bytes)
        } else {
            Err(ProcessError::Failed { program: program(), code: status.code() })
        }
    }
}

/// One byte more than is allowed tells that there is more. What can't be read ends it, too.
fn read_bounded(stdout: ChildStdout) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stdout.take(LONGEST_OUTPUT as u64 + 1).read_to_end(&mut bytes);
    bytes
}

/// A program that is ended, with what it has started, if nobody waits for it any more.
struct Running {
    child: Child,
    has_ended: bool,
}

impl Running {
    fn start(process: &CredentialProcess) -> io::Result<Self> {
        let mut command = Command::new(&process.program);
        command.args(&process.arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Ok(Self { child: command.spawn()?, has_ended: false })
    }

    fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// `None` if it has not ended by then.
    fn wait(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                self.has_ended = true;
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        #[cfg(unix)]
        {
            let group = i32::try_from(self.child.id()).ok();
            if let Some(group) = group.and_then(rustix::process::Pid::from_raw) {
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The words of a command line; `None` if a quote is not closed.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) if cfg!(unix) => {
                word.get_or_insert_default().push(characters.next()?);
            }
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

impl AwsCredentials for CredentialProcess {
    fn keys(&self) -> HookFuture<Result<AwsKeys, AwsCredentialsError>> {
        let process = self.clone();
        Box::pin(apart(move || Ok(process.run()?)))
    }
}

/// Arguments may hold secrets.
impl fmt::Debug for CredentialProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialProcess")
            .field("program", &self.program)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    const KEYS: &str = r#"{"Version":1,"AccessKeyId":"i","SecretAccessKey":"s3cret"}"#;

    fn shell(script: &str) -> CredentialProcess {
        // Long enough for any machine: tests of the limit set their own.
        CredentialProcess::new("sh", ["-c", script]).limit(Duration::from_secs(600))
    }

    fn program() -> PathBuf {
        PathBuf::from("sh")
    }

    fn write(text: &str) -> Result<AwsKeys, ProcessError> {
        shell(&format!("printf '%s' '{text}'")).run()
    }

    #[test]
    fn a_program_writes_keys() {
        assert_eq!(write(KEYS), Ok(AwsKeys::new("i", "s3cret")));
        let text = r#"{"Version":1,"AccessKeyId":"i","SecretAccessKey":"s","SessionToken":"t",
                       "Expiration":"2026-11-29T12:00:00+00:00","AccountId":"1"}"#;
        let at = time::parse("2026-11-29T12:00:00Z").unwrap();
        let expected = AwsKeys::new("i", "s").session_token("t").expires_at(at);
        assert_eq!(write(text), Ok(expected));
    }

    #[tokio::test]
    async fn it_is_a_source_of_credentials() {
        let process = shell(&format!("printf '%s' '{KEYS}'"));
        let credentials: &dyn AwsCredentials = &process;
        assert_eq!(credentials.keys().await, Ok(AwsKeys::new("i", "s3cret")));
        let error = AwsCredentialsError::Process(ProcessError::Failed {
            program: program(),
            code: Some(3),
        });
        assert_eq!(shell("exit 3").keys().await, Err(error));
    }

    #[test]
    fn what_are_no_keys_is_told_without_a_word_of_it() {
        for (text, expected) in [
            ("", "no JSON object with keys"),
            ("s3cret", "no JSON object with keys"),
            (r#"{"Version":"s3cret"}"#, "no JSON object with keys"),
            (r#"{"Version":1,"AccessKeyId":"s3cret"}"#, "no JSON object with keys"),
            (
                r#"{"Version":2,"AccessKeyId":"i","SecretAccessKey":"s3cret"}"#,
                "keys in another version than 1",
            ),
            (
                r#"{"Version":1,"AccessKeyId":"i","SecretAccessKey":"s3cret","Expiration":"s3cret"}"#,
                "keys whose Expiration is no time",
            ),
        ] {
            let error = write(text).unwrap_err();
            assert_eq!(error, ProcessError::NoKeys { program: program(), problem: expected });
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_failure_is_told_with_its_code_and_without_its_words() {
        for (script, code) in [("echo s3cret >&2; exit 253", Some(253)), ("kill -9 $$", None)] {
            let error = shell(script).run().unwrap_err();
            assert_eq!(error, ProcessError::Failed { program: program(), code });
            assert!(!error.to_string().contains("s3cret"));
        }
        let error = CredentialProcess::new("/nowhere/aws", [""; 0]).run().unwrap_err();
        let ProcessError::NotStarted { program, error } = error else { panic!("{error:?}") };
        assert_eq!((program, error.kind()), ("/nowhere/aws".into(), io::ErrorKind::NotFound));
    }

    #[test]
    fn output_is_bounded() {
        let padded = |length: usize| {
            let blanks = length - KEYS.len();
            shell(&format!("printf '%s%{blanks}s' '{KEYS}' ''")).run()
        };
        assert_eq!(padded(LONGEST_OUTPUT), Ok(AwsKeys::new("i", "s3cret")));
        let limit = LONGEST_OUTPUT;
        let too_long = Err(ProcessError::TooLong { program: program(), limit });
        assert_eq!(padded(LONGEST_OUTPUT + 1), too_long);
        assert_eq!(shell("while :; do echo s3cret; done").run(), too_long, "without end");
    }

    /// The limit grows until the program had the time to say who it is.
    #[test]
    fn what_hangs_is_ended() {
        let folder = std::env::temp_dir();
        let file = folder.join(format!("evenkeel-hang-{}", std::process::id()));
        let script = format!("echo $$ >'{}'; sleep 1000 & sleep 1000", file.display());
        let mut limit = Duration::from_millis(100);
        let number = loop {
            let hanging = shell(&script).limit(limit);
            let expected = ProcessError::TimedOut { program: program(), limit };
            assert_eq!(hanging.run(), Err(expected));
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if text.ends_with('\n') {
                break text.trim().parse().unwrap();
            }
            limit *= 2;
        };
        std::fs::remove_file(file).unwrap();
        let pid = rustix::process::Pid::from_raw(number).unwrap();
        let error = rustix::process::test_kill_process(pid).unwrap_err();
        assert_eq!(error, rustix::io::Errno::SRCH);
    }

    /// It has written all, and closed its output.
    #[test]
    fn what_writes_and_then_hangs_is_ended() {
        let limit = Duration::from_millis(100);
        let hanging = shell(&format!("printf '%s' '{KEYS}'; exec >&-; sleep 1000")).limit(limit);
        assert_eq!(hanging.run(), Err(ProcessError::TimedOut { program: program(), limit }));
    }

    #[test]
    fn a_command_line_has_words() {
        for (line, expected) in [
            ("aws", vec!["aws"]),
            ("  aws  configure\t--x ", vec!["aws", "configure", "--x"]),
            (r#""/opt/my tools/aws" 'a b' c"d e"f"#, vec!["/opt/my tools/aws", "a b", "cd ef"]),
            (r#"a "" b\ c "d\"e" 'f\'"#, vec!["a", "", "b c", "d\"e", "f\\"]),
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
        for line in ["", "   ", "''", "aws 's3cret", "aws \"s3cret", "aws \\"] {
            let error = CredentialProcess::parse(line).unwrap_err();
            assert_eq!(error, ProcessError::CommandLine, "{line}");
        }
        let parsed = CredentialProcess::parse("aws --token s3cret").unwrap();
        assert!(!format!("{parsed:?}").contains("s3cret"));
    }
}
