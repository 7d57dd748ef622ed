//! What this program commands: a subscription, three messages, a ping, a new
//! connection, one message more, and the end.

use std::error::Error;
use std::time::Duration;

use evenkeel_proto::codec::{Properties, Publish, QoS, SubscribeFilter};
use evenkeel_proto::{Client, Event, Incoming, Instant, Token, record::Priority};

/// How far the program has come.
#[derive(Default)]
pub(crate) struct Program {
    published: u64,
    received: u64,
    pings: u32,
    connections: u32,
}

impl Program {
    pub(crate) fn begin(client: &mut Client, now: Instant) -> Result<Self, Box<dyn Error>> {
        client.start(now);
        let filter = "boat/level".try_into()?;
        let filters = vec![SubscribeFilter { filter, options: Default::default() }];
        client.subscribe(now, filters, Properties::new(), Token(0))?;
        Ok(Self::default())
    }

    pub(crate) fn go_on(
        &mut self,
        client: &mut Client,
        now: Instant,
    ) -> Result<(), Box<dyn Error>> {
        let all_came = self.published == self.received;
        if all_came && (self.published < 3 || self.published == 3 && self.connections == 2) {
            self.published += 1;
            let mut message = Publish { qos: QoS::AtLeastOnce, ..Publish::default() };
            (message.topic, message.payload) = ("boat/level".try_into()?, "3.2 m".into());
            client.publish(now, &mut message, Priority::Normal, Token(self.published))?;
        } else if self.received == 3 && self.pings > 0 && self.connections == 1 {
            if client.state().is_online() {
                client.reconnect(now);
            }
        } else if self.received == 4 {
            client.shutdown(now, Duration::from_secs(5));
        }
        Ok(())
    }

    pub(crate) fn on_event(&mut self, event: &Event) {
        println!("{event}");
        self.connections += u32::from(matches!(event, Event::Connected(_)));
        self.pings += u32::from(matches!(event, Event::PongReceived(_)));
    }

    pub(crate) fn on_message(&mut self, message: &Incoming) {
        println!("message: {:?}", message.publish.payload);
        self.received += 1;
    }
}
