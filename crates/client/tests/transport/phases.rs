//! Whoever bounds the time of `open` learns in which phase it ran out. Time is virtual.

use std::time::Duration;

use evenkeel::ConnectPhase;
#[cfg(any(feature = "ring", feature = "aws-lc-rs", feature = "websocket"))]
use evenkeel::transport::MemoryListener;
use evenkeel::transport::internals::{ConnectProgress, Opener};
use evenkeel::transport::{Endpoint, TransportOptions};
use tokio::time::{Instant, timeout};

const BOUND: Duration = Duration::from_secs(30);

/// Opens an endpoint that never answers and returns the phase in which 30 s ran out.
async fn phase_at_time_out(endpoint: Endpoint, options: TransportOptions) -> ConnectPhase {
    let (opener, progress) = (Opener::new(options), ConnectProgress::new());
    let begin = Instant::now();
    assert!(timeout(BOUND, opener.open(&endpoint, &progress)).await.is_err());
    assert_eq!(begin.elapsed(), BOUND);
    progress.phase()
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_never_opens() {
    let endpoint = Endpoint::custom(std::future::pending::<std::io::Result<tokio::io::Empty>>);
    let phase = phase_at_time_out(endpoint, TransportOptions::default()).await;
    assert_eq!(phase, ConnectPhase::Connect);
}

#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
#[tokio::test(start_paused = true)]
async fn a_silent_tls_server() {
    let listener = MemoryListener::new(1 << 16, 1);
    let endpoint = Endpoint::memory(listener.connector()).with_tls();
    let mut options = TransportOptions::default();
    options.tls = options.tls.dangerously_skip_server_verification();
    assert_eq!(phase_at_time_out(endpoint, options).await, ConnectPhase::Tls);
}

#[cfg(feature = "websocket")]
#[tokio::test(start_paused = true)]
async fn a_silent_websocket_server() {
    let listener = MemoryListener::new(1 << 16, 1);
    let endpoint = Endpoint::memory(listener.connector()).with_websocket("/mqtt");
    let phase = phase_at_time_out(endpoint, TransportOptions::default()).await;
    assert_eq!(phase, ConnectPhase::WebSocket);
}

#[test]
fn the_phase_entered_last_is_shown_to_all() {
    let phases = [
        ConnectPhase::Resolve,
        ConnectPhase::Connect,
        ConnectPhase::Proxy,
        ConnectPhase::Tls,
        ConnectPhase::WebSocket,
    ];
    assert!(phases.is_sorted());
    let progress = ConnectProgress::new();
    assert_eq!(progress.phase(), ConnectPhase::Resolve);
    for phase in phases {
        progress.clone().enter(phase);
        assert_eq!(progress.phase(), phase);
    }
}
