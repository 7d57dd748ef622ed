//! How far a connection attempt has come.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::tls::TlsRenewal;

/// A step on the way from a URL to an MQTT connection, in the order in which they happen.
///
/// Steps that an endpoint does not need are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum ConnectPhase {
    /// The host's addresses are being looked up.
    Resolve,
    /// TCP connections to the addresses are being tried.
    Tcp,
    /// The proxy is being asked to connect to the server.
    Proxy,
    /// A Unix socket, an in-memory pair or a user-supplied stream is being opened.
    Stream,
    /// The TLS handshake is under way.
    Tls,
    /// The WebSocket handshake is under way.
    WebSocket,
    /// CONNECT has been, or is being, sent, and CONNACK has not come yet.
    MqttConnect,
}

impl ConnectPhase {
    const ALL: [Self; 7] = [
        Self::Resolve,
        Self::Tcp,
        Self::Proxy,
        Self::Stream,
        Self::Tls,
        Self::WebSocket,
        Self::MqttConnect,
    ];
}

/// Says what was being waited for, to stand after "timed out ".
impl fmt::Display for ConnectPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolving the host name",
            Self::Tcp => "opening the TCP connection",
            Self::Proxy => "waiting for the proxy",
            Self::Stream => "opening the stream",
            Self::Tls => "in the TLS handshake",
            Self::WebSocket => "in the WebSocket handshake",
            Self::MqttConnect => "waiting for CONNACK",
        })
    }
}

/// The current phase of one connection attempt, shared between [`Opener::open`] and whoever
/// bounds its time.
///
/// Clones show the same attempt.
///
/// [`Opener::open`]: super::Opener::open
#[derive(Clone, Debug, Default)]
pub struct ConnectProgress(Arc<Shown>);

#[derive(Debug, Default)]
struct Shown {
    phase: AtomicU8,
    renewal: Mutex<TlsRenewal>,
}

impl ConnectProgress {
    /// Starts in [`ConnectPhase::Resolve`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the phase entered last.
    pub fn phase(&self) -> ConnectPhase {
        let index = usize::from(self.0.phase.load(Ordering::Relaxed));
        ConnectPhase::ALL.get(index).copied().unwrap_or(ConnectPhase::Resolve)
    }

    /// Enters a phase.
    pub fn enter(&self, phase: ConnectPhase) {
        self.0.phase.store(phase as u8, Ordering::Relaxed);
    }
    /// Takes what the attempt has found in the files of certificates and keys since this was
    /// asked last.
    pub fn take_tls_renewal(&self) -> TlsRenewal {
        std::mem::take(&mut self.0.renewal.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "only TLS has such files"))]
    pub(super) fn tell_tls_renewal(&self, renewal: TlsRenewal) {
        *self.0.renewal.lock().unwrap_or_else(PoisonError::into_inner) = renewal;
    }
}
