//! Filters subscribed to by one stream.

use evenkeel::Client;

use crate::Outcome;
use crate::group::{Bound, Cores, Goal, Group, Series};
use crate::process::micros_each;

pub(super) const GROUP: Group = Group {
    name: "subscribing",
    title: "Filters subscribed to by one stream",
    unit: "microseconds a filter",
    axis: "filters",
    series: &[Series {
        name: "one stream",
        points: &[100, 1_000, 10_000, 30_000],
        cores: Cores::One,
        measure: one_stream,
    }],
    goals: &[
        Goal { series: "one stream", at: 10_000, bound: Bound::AtMost(3.0) },
        Goal { series: "one stream", at: 30_000, bound: Bound::AtMost(3.0) },
    ],
};

fn one_stream(filters: u64, port: u16) -> Outcome<f64> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let client = Client::builder(format!("mqtt://127.0.0.1:{port}")).start()?;
        client.online().await?;
        let names: Vec<String> = (0..filters).map(|number| format!("t/{number}")).collect();
        micros_each(filters, async {
            let messages = client.subscribe(names).await?;
            assert!(messages.granted().iter().all(|(_, granted)| granted.is_ok()));
            // What the end of the stream costs is not measured.
            std::mem::forget(messages);
            Ok(())
        })
        .await
    })
}
