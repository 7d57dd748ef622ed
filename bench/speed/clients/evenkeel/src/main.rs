//! Evenkeel with its defaults, MQTT 5: a receipt for each message, a stream
//! for the subscription.

use std::collections::VecDeque;
use std::time::Duration;

use evenkeel::tls::TlsOptions;
use evenkeel::{Bytes, Client, ClientBuilder, QoS, Receipt, TopicName};
use speed_common::{ANSWERS, CALM, FILTER, Idle, Job, Meter, Mode, TOPIC};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let job = Job::from_args();
    if job.mode == Mode::Idle {
        return idle(&job).await;
    }
    let client = builder(&job).start()?;
    client.online().await?;
    match job.mode {
        Mode::Publish => publish(&client, &job).await,
        Mode::Receive => receive(&client, &job).await,
        _ => answer(&client, &job).await,
    }
}

fn builder(job: &Job) -> ClientBuilder {
    let builder = Client::builder(&job.url)
        .in_flight(job.window)
        .receive_maximum(job.window.max(1024))
        .keep_alive(Duration::from_secs(job.keep_alive.into()));
    match &job.ca {
        Some(_) => builder.tls(TlsOptions::new().ca_bytes(job.ca_pem())),
        None => builder,
    }
}

async fn publish(client: &Client, job: &Job) -> Outcome {
    let topic = TopicName::try_from(TOPIC)?;
    let payload = Bytes::from(job.payload());
    let qos = QoS::from_level(job.qos).ok_or("a QoS")?;
    let mut window: VecDeque<Receipt> = VecDeque::new();
    let meter = Meter::start();
    for _ in 0..job.count {
        if window.len() >= usize::from(job.window)
            && let Some(oldest) = window.pop_front()
        {
            oldest.await?;
        }
        let receipt = client.publish(&topic, payload.clone()).qos(qos).await?;
        if qos == QoS::AtMostOnce {
            drop(receipt);
        } else {
            window.push_back(receipt);
        }
    }
    for receipt in window {
        receipt.await?;
    }
    if qos == QoS::AtMostOnce {
        // Once the server acknowledges this one, it has all before it.
        client.publish(&topic, payload).qos(QoS::AtLeastOnce).delivered().await?;
    }
    meter.finish(job.count);
    Ok(())
}

async fn receive(client: &Client, job: &Job) -> Outcome {
    let meter = Meter::start();
    let qos = QoS::from_level(job.qos).ok_or("a QoS")?;
    let mut messages = client.subscribe(FILTER).qos(qos).await?;
    for _ in 0..job.count {
        let message = messages.next().await.ok_or("the stream ended")?;
        assert_eq!(message.payload().len(), job.size);
    }
    meter.finish(job.count);
    Ok(())
}

async fn answer(client: &Client, job: &Job) -> Outcome {
    let topic = TopicName::try_from(ANSWERS)?;
    let mut messages = client.subscribe(FILTER).await?;
    let mut meter = None;
    for _ in 0..job.count {
        let message = messages.next().await.ok_or("the stream ended")?;
        meter.get_or_insert_with(Meter::start);
        drop(client.publish(&topic, message.payload().clone()).await?);
    }
    meter.ok_or("no message")?.finish(job.count);
    client.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

async fn idle(job: &Job) -> Outcome {
    let mut idle = Idle::start(job);
    let mut clients = Vec::with_capacity(job.connections);
    // Clones of one builder share their settings.
    let builder = builder(job);
    for _ in 0..job.connections {
        let client = builder.clone().start()?;
        client.online().await?;
        clients.push(client);
    }
    tokio::time::sleep(CALM).await;
    idle.watch();
    tokio::time::sleep(Duration::from_secs(job.seconds)).await;
    idle.finish();
    assert!(clients.iter().all(|client| client.stats().connects == 1), "all stayed up");
    Ok(())
}
