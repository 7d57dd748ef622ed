//! `minimal-evenkeel mqtt://HOST:PORT`, or `mqtts`.

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let url = std::env::args().nth(1).ok_or("no URL")?;
    let client = evenkeel::Client::builder(url).start()?;
    let receipt = client.publish("minimal", "hello").qos(evenkeel::QoS::AtLeastOnce).await?;
    receipt.await?;
    Ok(())
}
