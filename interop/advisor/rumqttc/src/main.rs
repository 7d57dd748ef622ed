//! rumqttc as a device at AWS IoT Core.
//!
//! `advisor-rumqttc HOST PORT CLIENT_ID TOPIC publish|subscribe`

use std::error::Error;
use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};

/// Between a failure and the next attempt: rumqttc itself waits for nothing.
const PAUSE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [host, port, client_id, topic, what] = &words[..] else {
        return Err("HOST PORT CLIENT_ID TOPIC publish|subscribe".into());
    };
    let mut options = MqttOptions::new(client_id, host, port.parse()?);
    options.set_keep_alive(Duration::from_secs(30));
    options.set_clean_session(false);
    let (client, mut events) = AsyncClient::new(options, 10);
    events.network_options.set_connection_timeout(10);
    if what == "publish" {
        client.publish(topic, QoS::AtLeastOnce, false, "hello").await?;
    }
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(connack))) => {
                if what == "subscribe" && !connack.session_present {
                    client.try_subscribe(topic, QoS::AtLeastOnce)?;
                }
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => println!("{}", publish.topic),
            Ok(_) => {}
            Err(error) => {
                eprintln!("{error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
