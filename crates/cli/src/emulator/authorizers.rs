//! Custom authorizers by a command: in place of the function that AWS would call.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_broker::Broker;
use evenkeel_broker::core::Question;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::printer::Printer;
use crate::process::Process;

/// How long a command may take: AWS gives its functions no longer.
const LIMIT: Duration = Duration::from_secs(5);
/// Commands that run at a time; further questions wait.
const AT_ONCE: usize = 16;
/// Bytes of an answer, and bytes of stderr that are shown.
const ANSWER: usize = 64 * 1024;
const TALK: u64 = 16 * 1024;

/// The commands of an account's authorizers, by their names.
#[derive(Clone)]
pub(crate) struct Authorizers {
    folder: PathBuf,
    commands: Arc<BTreeMap<String, Vec<String>>>,
}

/// The names alone: arguments of commands may be secrets.
impl fmt::Debug for Authorizers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authorizers").field(&self.commands.keys()).finish()
    }
}

impl Authorizers {
    pub(super) fn new(folder: &Path, commands: BTreeMap<String, Vec<String>>) -> Self {
        Self { folder: folder.to_owned(), commands: Arc::new(commands) }
    }

    /// Answers the broker's questions, without end.
    pub(crate) async fn serve(&self, broker: &Broker, printer: Printer) {
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                question = broker.next_question(), if running.len() < AT_ONCE => {
                    let (own, broker) = (self.clone(), broker.clone());
                    running.spawn(async move {
                        let id = question.id;
                        let answer = own.ask(question, printer).await;
                        broker.answer(id, answer.as_deref().map_err(String::as_str));
                    });
                }
                Some(_) = running.join_next() => {}
            }
        }
    }

    async fn ask(&self, question: Question, printer: Printer) -> Result<String, String> {
        let Question { whom, content, .. } = question;
        let command = self.commands.get(&whom).ok_or("it has no command")?;
        // However this ends, the command ends with it, and what it has started.
        let mut asked = start(command, &self.folder)?;
        let exchange = exchange(&mut asked.child, content.to_string().into_bytes(), |line| {
            printer.say(&format!("authorizer {whom}: {line}"));
        });
        let answer = tokio::time::timeout(LIMIT, exchange).await;
        answer.unwrap_or_else(|_| Err(format!("it took longer than {} s", LIMIT.as_secs())))
    }
}

/// Starts a command without a shell, and without a word of the question among its
/// arguments, which everybody on the machine may read.
fn start(command: &[String], folder: &Path) -> Result<Process, String> {
    let (program, arguments) = command.split_first().ok_or("it has no command")?;
    let mut command = Command::new(located(program, folder));
    command.args(arguments).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Process::start(&mut command).map_err(|error| format!("{program:?} cannot be started: {error}"))
}

/// Hands the question in, and takes the answer.
async fn exchange(
    asked: &mut Child,
    question: Vec<u8>,
    hear: impl FnMut(&str),
) -> Result<String, String> {
    let (stdin, stdout, stderr) = (asked.stdin.take(), asked.stdout.take(), asked.stderr.take());
    let ask = async move {
        if let Some(mut stdin) = stdin {
            // One that answers without having read everything may do so.
            let _ = stdin.write_all(&question).await;
        }
    };
    let ((), answer, ()) = tokio::join!(ask, answer(stdout), listen(stderr, hear));
    let answer = answer?;
    let status = asked.wait().await.map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(format!("it ended with {status}"));
    }
    String::from_utf8(answer).map_err(|_| "its answer is no UTF-8".into())
}

/// A path stands in the account's folder; a name alone is looked up as usual.
fn located(program: &str, folder: &Path) -> PathBuf {
    if program.contains(std::path::is_separator) {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        folder.join(program)
    } else {
        program.into()
    }
}

async fn answer(stdout: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    if let Some(stdout) = stdout {
        let mut bounded = stdout.take(ANSWER as u64 + 1);
        bounded.read_to_end(&mut bytes).await.map_err(|error| error.to_string())?;
    }
    if bytes.len() > ANSWER {
        return Err(format!("its answer is longer than {ANSWER} bytes"));
    }
    Ok(bytes)
}

/// Gives away each line of what it says; the rest of much is read and dropped.
async fn listen(stderr: Option<impl AsyncRead + Unpin>, mut hear: impl FnMut(&str)) {
    let Some(stderr) = stderr else { return };
    let mut talk = BufReader::new(stderr.take(TALK));
    let mut line = Vec::new();
    while let Ok(1..) = talk.read_until(b'\n', &mut line).await {
        hear(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    let mut rest = talk.into_inner().into_inner();
    let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_commands_are_not_shown() {
        let command = vec!["./door".to_owned(), "--token=secret".to_owned()];
        let commands = BTreeMap::from([("Fleet".to_owned(), command)]);
        let shown = format!("{:?}", Authorizers::new(Path::new("account"), commands));
        assert!(shown.contains("Fleet") && !shown.contains("secret"), "{shown}");
    }
}
