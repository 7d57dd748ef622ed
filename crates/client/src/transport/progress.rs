//! How far a connection attempt has come.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use evenkeel_proto::ConnectPhase;

use crate::tls::TlsRenewal;

/// The phases in which a transport can be, in their order.
const PHASES: [ConnectPhase; 5] = [
    ConnectPhase::Resolve,
    ConnectPhase::Connect,
    ConnectPhase::Proxy,
    ConnectPhase::Tls,
    ConnectPhase::WebSocket,
];

/// The current phase of one connection attempt, shared between `Opener::open` and whoever
/// bounds its time.
///
/// Clones show the same attempt.
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
        PHASES.get(index).copied().unwrap_or(ConnectPhase::Resolve)
    }

    /// Enters a phase; one that is none of a transport's changes nothing.
    pub fn enter(&self, phase: ConnectPhase) {
        let index = PHASES.iter().position(|known| *known == phase);
        if let Some(index) = index.and_then(|index| u8::try_from(index).ok()) {
            self.0.phase.store(index, Ordering::Relaxed);
        }
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
