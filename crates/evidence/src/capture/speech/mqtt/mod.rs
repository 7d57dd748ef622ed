//! MQTT of both sides.

mod fast;
mod lost;
mod reader;
mod seen;

use evenkeel_codec::Version;
use evenkeel_doctor::Side;

use super::plain::other_protocol;
use crate::capture::out::Out;
use evenkeel_doctor::What;
use reader::Reader;

/// MQTT of one connection.
#[derive(Debug)]
pub(super) struct Mqtt {
    /// Of the CONNECT; `None` if it was not seen.
    version: Option<Version>,
    /// Both streams were seen from their beginning, without a gap: what is
    /// wrong with them is their own fault.
    sure: bool,
    client: Reader,
    server: Reader,
}

impl Mqtt {
    /// `whole` says whether it begins with these bytes.
    pub(super) fn new(whole: bool) -> Self {
        let reader = || if whole { Reader::default() } else { Reader::lost() };
        Self { version: None, sure: whole, client: reader(), server: reader() }
    }

    pub(super) fn bytes(&mut self, from: Side, bytes: &[u8], out: &mut Out<'_>) {
        let Self { version, sure, client, server } = self;
        let reader = if from == Side::Client { client } else { server };
        if from == Side::Server
            && *sure
            && reader.is_fresh()
            && let Some(begins) = other_protocol(from, bytes)
        {
            out.tell(What::NotMqtt { from, begins });
            reader.die();
        }
        reader.bytes(from, bytes, version, *sure, out);
    }

    /// So many bytes of a side are missing.
    pub(super) fn gap(&mut self, from: Side, bytes: u64) {
        self.sure = false;
        match from {
            Side::Client => self.client.gap(bytes),
            Side::Server => self.server.gap(bytes),
        }
    }

    pub(super) fn held(&self) -> usize {
        self.client.held() + self.server.held()
    }

    pub(super) fn let_go(&mut self) {
        self.sure = false;
        self.client.let_go();
        self.server.let_go();
    }
}
