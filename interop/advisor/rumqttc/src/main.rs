//! rumqttc as a device at AWS IoT Core.
//!
//! `advisor-rumqttc HOST PORT CLIENT_ID TOPIC publish|subscribe [CA CERT KEY]`

use std::error::Error;
use std::fs;
use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS, TlsConfiguration, Transport};
use rustls::crypto::ring;

/// Bytes of a packet: what AWS carries, as rumqttc itself takes 10 KiB.
const LARGEST: usize = 150 * 1024;
/// Between a failure and the next attempt: rumqttc itself waits for nothing.
const PAUSE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [host, port, client_id, topic, what, files @ ..] = &words[..] else {
        return Err("HOST PORT CLIENT_ID TOPIC publish|subscribe [CA CERT KEY]".into());
    };
    let mut options = MqttOptions::new(client_id, host, port.parse()?);
    options.set_keep_alive(Duration::from_secs(30));
    options.set_clean_session(false);
    options.set_max_packet_size(LARGEST, LARGEST);
    if let [ca, certificate, key] = files {
        // rumqttc's default would be AWS-LC, which takes minutes to build; the suites are the same.
        let _ = ring::default_provider().install_default();
        options.set_transport(Transport::Tls(TlsConfiguration::Simple {
            ca: fs::read(ca)?,
            alpn: None,
            client_auth: Some((fs::read(certificate)?, fs::read(key)?)),
        }));
    }
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
