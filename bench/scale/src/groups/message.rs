//! What a message carries: its topic or an alias for it, and properties.

use evenkeel::{Bytes, Client, TopicName};

use crate::Outcome;
use crate::group::{Bound, Cores, Goal, Group, Series};
use crate::process::micros_each;

const COUNT: u64 = 500_000;

pub(super) const ALIASES: Group = Group {
    name: "aliases",
    title: "Topic aliases, QoS 0",
    unit: "microseconds a message",
    axis: "topics",
    series: &[
        Series { name: "on", points: &[10, 64, 100, 10_000], cores: Cores::One, measure: on },
        Series { name: "off", points: &[10, 64, 100, 10_000], cores: Cores::One, measure: off },
    ],
    goals: &[
        Goal { series: "on", at: 100, bound: Bound::Times(1.1, "off") },
        Goal { series: "on", at: 10_000, bound: Bound::Times(1.1, "off") },
    ],
};

pub(super) const PROPERTIES: Group = Group {
    name: "properties",
    title: "User properties of a message, QoS 0",
    unit: "microseconds a message",
    axis: "user properties",
    series: &[Series {
        name: "published",
        points: &[0, 1, 4],
        cores: Cores::One,
        measure: properties,
    }],
    goals: &[Goal { series: "published", at: 1, bound: Bound::AtMost(0.22) }],
};

fn on(topics: u64, port: u16) -> Outcome<f64> {
    publish(topics, 0, true, port)
}

fn off(topics: u64, port: u16) -> Outcome<f64> {
    publish(topics, 0, false, port)
}

fn properties(properties: u64, port: u16) -> Outcome<f64> {
    publish(1, properties, false, port)
}

fn publish(topics: u64, properties: u64, aliases: bool, port: u16) -> Outcome<f64> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let client = Client::builder(format!("mqtt://127.0.0.1:{port}"))
            .client_id("aliases=65535")
            .topic_aliases(aliases)
            .start()?;
        client.online().await?;
        let names = (0..topics).map(|topic| TopicName::try_from(format!("site/{topic}/level")));
        let names: Vec<TopicName> = names.collect::<Result<_, _>>()?;
        let payload = Bytes::from(vec![b'x'; 64]);
        micros_each(COUNT, async {
            for name in names.iter().cycle().take(COUNT as usize) {
                let mut message = client.publish(name, payload.clone());
                for _ in 0..properties {
                    message = message.user_property("name", "value");
                }
                drop(message.await?);
            }
            Ok(())
        })
        .await
    })
}
