//! `minimal-rumqttc-next HOST PORT`.

use rumqttc::mqttbytes::QoS;
use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, PublishOptions};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let mut args = std::env::args().skip(1);
    let (host, port) = args.next().zip(args.next()).ok_or("no HOST PORT")?;
    let broker = (host.as_str(), port.parse::<u16>()?);
    #[cfg_attr(not(feature = "rumqttc-next-tls"), expect(unused_mut, reason = "TLS is set below"))]
    let mut options = MqttOptions::new("minimal", broker);
    #[cfg(feature = "rumqttc-next-tls")]
    options.set_transport(rumqttc::Transport::tls_with_default_config());
    let (client, mut events) = AsyncClient::builder(options).capacity(10).build();
    client.publish("minimal", "hello", PublishOptions::new(QoS::AtLeastOnce)).await?;
    while !matches!(events.poll().await?, Event::Incoming(Incoming::PubAck(_))) {}
    Ok(())
}
