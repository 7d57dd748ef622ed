//! `minimal-rumqttc HOST PORT`.

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let mut args = std::env::args().skip(1);
    let (host, port) = args.next().zip(args.next()).ok_or("no HOST PORT")?;
    #[cfg_attr(not(feature = "rumqttc-tls"), expect(unused_mut, reason = "TLS is set below"))]
    let mut options = MqttOptions::new("minimal", host, port.parse()?);
    #[cfg(feature = "rumqttc-tls")]
    options.set_transport(rumqttc::Transport::tls_with_default_config());
    let (client, mut events) = AsyncClient::new(options, 10);
    client.publish("minimal", QoS::AtLeastOnce, false, "hello").await?;
    while !matches!(events.poll().await?, Event::Incoming(Packet::PubAck(_))) {}
    Ok(())
}
