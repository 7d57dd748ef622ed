//! MQTT in WebSocket: the upgrade, and the frames.

mod frames;
mod http;

use evenkeel_doctor::{Begins, Side, Vantage, What};

use super::Verdict;
use super::mqtt::Mqtt;
use crate::capture::out::Out;
use frames::{Found, Frames};
use http::{Answer, Head, Request};

/// WebSocket of one connection.
#[derive(Debug)]
pub(super) struct WebSocket {
    listed: bool,
    verdict: Verdict,
    request: Head,
    answer: Head,
    /// Whether the server agreed; `None` before its answer.
    agreed: Option<bool>,
    client: Frames,
    server: Frames,
    mqtt: Mqtt,
}

impl WebSocket {
    pub(super) fn new(listed: bool) -> Self {
        Self {
            listed,
            verdict: Verdict::Open,
            request: Head::default(),
            answer: Head::default(),
            agreed: None,
            client: Frames::default(),
            server: Frames::default(),
            mqtt: Mqtt::new(true),
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub(super) fn bytes(&mut self, from: Side, bytes: &[u8], out: &mut Out<'_>) {
        let rest = match from {
            Side::Client if !self.request.is_whole() => self.request(bytes, out),
            Side::Server if !self.answer.is_whole() => self.answer(bytes, out),
            _ => Some(bytes),
        };
        if let Some(rest) = rest.filter(|rest| !rest.is_empty())
            && self.agreed != Some(false)
        {
            self.frames(from, rest, out);
        }
    }

    /// Reads on in the request; returns what follows it.
    fn request<'a>(&mut self, bytes: &'a [u8], out: &mut Out<'_>) -> Option<&'a [u8]> {
        let rest = self.request.add(bytes)?;
        let request = Request::read(self.request.text());
        if !self.listed && !request.as_ref().is_some_and(|request| request.mqtt) {
            self.verdict = Verdict::Ignored;
            self.agreed = Some(false);
            return None;
        }
        self.verdict = Verdict::Told(Vantage::Plain);
        if let Some(request) = request {
            let signed = request.signed.map_or_else(Default::default, |text| out.keep(&text));
            out.tell(What::Upgrade { mqtt: request.mqtt, signed, expires: request.expires });
        } else {
            out.tell(What::NotMqtt { from: Side::Client, begins: Begins::Http });
            self.agreed = Some(false);
        }
        self.request.forget();
        Some(rest)
    }

    fn answer<'a>(&mut self, bytes: &'a [u8], out: &mut Out<'_>) -> Option<&'a [u8]> {
        let rest = self.answer.add(bytes)?;
        let Some(Answer { status, mqtt }) = Answer::read(self.answer.text()) else {
            self.agreed = Some(false);
            return None;
        };
        if self.agreed.is_none() {
            out.tell(What::UpgradeAnswer { status, mqtt });
            self.agreed = Some(status == 101);
        }
        self.answer.forget();
        Some(rest)
    }

    fn frames(&mut self, from: Side, bytes: &[u8], out: &mut Out<'_>) {
        let Self { client, server, mqtt, .. } = self;
        let frames = if from == Side::Client { client } else { server };
        let mut rest = bytes;
        let mut scratch = std::mem::take(&mut out.ground.scratch);
        while !rest.is_empty() {
            let (found, taken) = frames.next(rest, &mut scratch);
            rest = rest.get(taken..).unwrap_or_default();
            match found {
                Found::Nothing => {}
                Found::Data => mqtt.bytes(from, &scratch, out),
                Found::Text => out.tell(What::TextFrame { from }),
                Found::Close(code) => out.tell(What::WebSocketClose { from, code }),
            }
        }
        // What was read does not stay in memory.
        scratch.clear();
        out.ground.scratch = scratch;
    }

    /// So many bytes are missing.
    pub(super) fn gap(&mut self, from: Side, bytes: u64, _out: &mut Out<'_>) {
        let (frames, head) = match from {
            Side::Client => (&mut self.client, &mut self.request),
            Side::Server => (&mut self.server, &mut self.answer),
        };
        if !head.is_whole() {
            head.give_up();
        }
        match frames.gap(bytes) {
            Some(data) => self.mqtt.gap(from, data),
            None => self.mqtt.gap(from, u64::MAX),
        }
    }

    pub(super) fn held(&self) -> usize {
        self.request.held() + self.answer.held() + self.mqtt.held()
    }

    pub(super) fn let_go(&mut self) {
        for head in [&mut self.request, &mut self.answer] {
            if !head.is_whole() {
                head.give_up();
            }
        }
        self.mqtt.let_go();
    }
}
