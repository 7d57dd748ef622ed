//! Accepts within bounds, and gives way to those who come.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_metrics::OPEN_METRICS;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::Sources;
use super::http::{self, Answer};

/// Connections at a time. One more closes the oldest: a scrape gets through, however
/// many hang on.
const CONNECTIONS: usize = 32;

/// From a connection to the end of its answer.
const LASTS: Duration = Duration::from_secs(10);

/// How long nobody is let in if the system has no room, such as no more files.
const NO_ROOM: Duration = Duration::from_millis(100);

/// Serves without end.
pub(super) async fn serve(listener: TcpListener, sources: Sources) {
    let (sources, mut open) = (Arc::new(sources), VecDeque::new());
    loop {
        match listener.accept().await {
            Ok((stream, _)) => open.push_back(attend(stream, sources.clone())),
            Err(_) => sleep(NO_ROOM).await,
        }
        open.retain(|task: &AbortHandle| !task.is_finished());
        if open.len() > CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
    }
}

fn attend(mut stream: TcpStream, sources: Arc<Sources>) -> AbortHandle {
    let exchange = async move {
        // Who has gone, or is too slow, is not told so.
        let _: Result<io::Result<()>, _> =
            timeout(LASTS, http::exchange(&mut stream, |path| answer(&sources, path))).await;
    };
    tokio::spawn(exchange).abort_handle()
}

/// The answer to GET; nothing if there is no such path.
fn answer(sources: &Sources, path: &str) -> Option<Answer> {
    match path {
        "/metrics" => {
            let body = sources.metrics();
            Some(Answer { status: 200, content_type: OPEN_METRICS, body })
        }
        "/health" => {
            let health = sources.health();
            let status = if health.ready { 200 } else { 503 };
            let body = format!("{}\n", health.to_json());
            Some(Answer { status, content_type: "application/json", body })
        }
        _ => None,
    }
}
