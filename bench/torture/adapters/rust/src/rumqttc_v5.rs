//! rumqttc's MQTT 5 side, for the scenarios that need MQTT 5: it stays connected.

use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use torture_adapters::{Job, tell};

#[tokio::main]
async fn main() {
    let job = Job::from_args();
    let mut options = MqttOptions::new(&job.client_id, &job.host, job.port);
    // Less than 5 s is refused by a panic.
    options.set_keep_alive(Duration::from_secs(job.keep_alive.into()));
    #[cfg(feature = "tls")]
    if let Some(tls) = job.rumqttc_tls() {
        options.set_transport(tls);
    }
    let (_client, mut events) = AsyncClient::new(options, 10);
    let mut online = false;
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                online = true;
                tell("online", "");
            }
            Ok(_) => {}
            Err(error) => {
                let what = if std::mem::take(&mut online) { "offline" } else { "attempt-failed" };
                tell(what, error);
                if let Some(pause) = job.pause() {
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }
}
