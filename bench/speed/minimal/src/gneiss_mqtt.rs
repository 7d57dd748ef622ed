//! `minimal-gneiss-mqtt HOST PORT`.

use gneiss_mqtt::client::{AsyncClient, TokioClientBuilder};
use gneiss_mqtt::mqtt::{PublishPacket, QualityOfService};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let mut args = std::env::args().skip(1);
    let (host, port) = args.next().zip(args.next()).ok_or("no HOST PORT")?;
    #[cfg_attr(not(feature = "gneiss-mqtt-tls"), expect(unused_mut, reason = "TLS is set below"))]
    let mut builder = TokioClientBuilder::new(&host, port.parse()?);
    #[cfg(feature = "gneiss-mqtt-tls")]
    builder.with_tls_options(gneiss_mqtt::client::config::TlsOptions::builder().build_rustls()?);
    let client = builder.build()?;
    client.start(None)?;
    let packet = PublishPacket::builder("minimal".to_owned(), QualityOfService::AtLeastOnce);
    client.publish(packet.with_payload(b"hello".to_vec()).build(), None).await?;
    Ok(())
}
