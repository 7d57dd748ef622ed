//! TLS key logs, as `SSLKEYLOGFILE` makes programs write them.

use std::collections::HashMap;
use std::fmt;

use evenkeel_doctor::Bounds;

/// Connections whose keys are kept.
const SESSIONS: usize = Bounds::CONNECTIONS;
/// The longest secret: SHA-384's, and the master secret of TLS 1.2.
const SECRET: usize = 48;

/// The secrets of one connection.
#[derive(Clone, Default)]
pub(in crate::capture) struct Secrets {
    /// TLS 1.2.
    pub(super) master: Option<Vec<u8>>,
    /// TLS 1.3, of each side's application data.
    pub(super) client: Option<Vec<u8>>,
    pub(super) server: Option<Vec<u8>>,
}

/// All secrets, by the client's random number.
#[derive(Default)]
pub(in crate::capture) struct KeyLog(HashMap<[u8; 32], Secrets>);

impl fmt::Debug for KeyLog {
    /// Shows how many there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyLog({})", self.0.len())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl KeyLog {
    /// Takes lines in. Lines of other kinds say nothing.
    pub(in crate::capture) fn add(&mut self, lines: &[u8]) {
        for line in lines.split(|byte| *byte == b'\n') {
            let mut words = line.trim_ascii().split(|byte| *byte == b' ');
            let (Some(label), Some(random), Some(secret)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let (Some(random), Some(secret)) = (hex(random), hex(secret)) else { continue };
            let Ok(random) = <[u8; 32]>::try_from(random) else { continue };
            self.keep(label, random, secret);
        }
    }

    fn keep(&mut self, label: &[u8], random: [u8; 32], secret: Vec<u8>) {
        let known = self.0.contains_key(&random);
        if secret.len() > SECRET || (!known && self.0.len() >= SESSIONS) {
            return;
        }
        let secrets = self.0.entry(random).or_default();
        match label {
            b"CLIENT_RANDOM" => secrets.master = Some(secret),
            b"CLIENT_TRAFFIC_SECRET_0" => secrets.client = Some(secret),
            b"SERVER_TRAFFIC_SECRET_0" => secrets.server = Some(secret),
            _ => {}
        }
    }

    pub(in crate::capture) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, random: &[u8; 32]) -> Option<&Secrets> {
        self.0.get(random)
    }
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > 2 * SECRET {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_never_shown() {
        let random = "0a".repeat(32);
        let text = format!(
            "# comment\nCLIENT_RANDOM {random} {}\r\nCLIENT_TRAFFIC_SECRET_0 {random} 01FF\nX y z\n",
            "11".repeat(48)
        );
        let mut log = KeyLog::default();
        log.add(text.as_bytes());
        let secrets = log.get(&[0x0A; 32]).unwrap();
        assert_eq!(secrets.master.as_deref(), Some(&[0x11; 48][..]));
        assert_eq!(secrets.client.as_deref(), Some(&[1, 255][..]));
        assert_eq!(format!("{log:?} {secrets:?}"), "KeyLog(1) Secrets");
    }
}
