//! The operator's way to a running emulator: a Unix socket in the account's folder, a
//! line of JSON to it and one back.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_aws::emulator::Ask;
use evenkeel_broker::Broker;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::{Folder, NoAnswer};
use crate::error::Failure;
use crate::exit::Exit;

/// Bytes of a request, and of an answer.
const LINE: u64 = 64 * 1024 * 1024;
/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
const MAY_BE_DONE: &str = "what was asked for may be done all the same; see by ls or get";

/// The socket, which is removed with this.
#[derive(Debug)]
pub(crate) struct Admin {
    path: PathBuf,
    listener: UnixListener,
}

impl Admin {
    /// Listens, for the folder's owner alone.
    pub(crate) fn listen(folder: &Path) -> Result<Self, Failure> {
        let path = Folder::new(folder).admin();
        let failed = |error: io::Error| {
            Failure::usage(format!("the socket '{}' cannot be made", path.display())).why(error)
        };
        if std::os::unix::net::UnixStream::connect(&path).is_ok() {
            return Err(super::served_already(&path));
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, mode).map_err(failed)?;
        Ok(Self { path, listener })
    }

    /// Answers one request after the other, without end.
    pub(crate) async fn serve(&self, broker: &Broker) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // Who goes away before the answer does not get it.
                    let _ = tokio::time::timeout(TIMEOUT, answer(stream, broker)).await;
                }
                // Such as too many open files: trying at once would only spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn answer(stream: UnixStream, broker: &Broker) -> io::Result<()> {
    let mut stream = BufReader::new(stream.take(LINE));
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let answer = match serde_json::from_str(&line) {
        Ok(request) => broker.ask(&request).unwrap_or_else(
            || json!({"error": "the state cannot be written; nobody is served until a new start"}),
        ),
        Err(error) => json!({"error": error.to_string()}),
    };
    let mut stream = stream.into_inner().into_inner();
    stream.write_all(format!("{answer}\n").as_bytes()).await?;
    stream.shutdown().await
}

/// Asks the emulator of a folder.
pub(crate) async fn ask(folder: &Path, ask: &Ask) -> Result<Value, NoAnswer> {
    let path = Folder::new(folder).admin();
    let mut stream = UnixStream::connect(&path).await.map_err(|error| {
        let what = format!("no broker serves '{}'", folder.display());
        let hint = format!("start one: evenkeel broker --aws {}", folder.display());
        NoAnswer::Refused(Failure::new(Exit::Network, what).why(error).hint(hint))
    })?;
    let exchange = async {
        stream.write_all(format!("{}\n", json!(ask)).as_bytes()).await?;
        let mut text = String::new();
        stream.take(LINE).read_to_string(&mut text).await?;
        Ok(text)
    };
    let outcome = tokio::time::timeout(TIMEOUT, exchange).await;
    let text = outcome.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into())).map_err(
        |error: io::Error| {
            let what = format!("the broker of '{}' gave no answer", folder.display());
            NoAnswer::Lost(Failure::new(Exit::Network, what).why(error).hint(MAY_BE_DONE))
        },
    )?;
    let answer: Value = serde_json::from_str(&text).map_err(|error| {
        let failure = Failure::new(Exit::Failed, "the broker's answer cannot be read");
        NoAnswer::Lost(failure.why(error).hint(MAY_BE_DONE))
    })?;
    match answer.get("error").and_then(Value::as_str) {
        Some(why) => {
            Err(NoAnswer::Refused(Failure::new(Exit::Failed, "the broker refused").why(why)))
        }
        None => Ok(answer),
    }
}
