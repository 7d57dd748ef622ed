//! The broker's own messages, below `$SYS/broker/`.

use std::sync::Arc;

use evenkeel_codec::{PacketType, TopicName};

use super::Core;
use super::message::Message;
use super::time::Instant;
use super::timers::Timer;

impl Core {
    /// Publishes a round, retained, and plans the next.
    pub(super) fn sys_due(&mut self, now: Instant) {
        let Some(interval) = self.config.behaviour.sys_interval else { return };
        self.timers.set(now + interval.max(std::time::Duration::from_millis(10)), Timer::Sys);
        for (name, value) in self.sys_values(now) {
            if let Ok(topic) = TopicName::try_from(format!("$SYS/broker/{name}")) {
                self.distribute(now, Arc::new(Message::of_broker(topic, value)));
            }
        }
    }

    fn sys_values(&self, now: Instant) -> [(&'static str, String); 13] {
        let stats = self.stats();
        let packets = &stats.packets;
        let all = |count: &dyn Fn(PacketType) -> u64| -> u64 {
            (1..=15).filter_map(|number| PacketType::from_first_byte(number << 4)).map(count).sum()
        };
        let online = self.connections.values().filter(|c| c.online().is_some()).count();
        [
            ("version", concat!("evenkeel ", env!("CARGO_PKG_VERSION")).to_owned()),
            ("uptime", format!("{} seconds", now.since_start().as_secs())),
            ("clients/connected", online.to_string()),
            ("clients/total", self.sessions.len().to_string()),
            ("messages/received", all(&|kind| packets.received(kind)).to_string()),
            ("messages/sent", all(&|kind| packets.sent(kind)).to_string()),
            ("publish/messages/received", stats.publishes_received().to_string()),
            ("publish/messages/sent", stats.publishes_sent().to_string()),
            ("publish/messages/dropped", stats.messages_dropped.to_string()),
            ("bytes/received", stats.bytes_received.to_string()),
            ("bytes/sent", stats.bytes_sent.to_string()),
            ("subscriptions/count", self.router.len().to_string()),
            ("retained messages/count", self.retained.len().to_string()),
        ]
    }
}
