//! gneiss-mqtt, MQTT 5, its tokio client: a future per message, a listener
//! for what comes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gneiss_mqtt::client::config::{AsyncWebsocketOptions, ConnectOptions, TlsOptions};
use gneiss_mqtt::client::{AsyncClient, AsyncClientHandle, ClientEvent, TokioClientBuilder};
use gneiss_mqtt::mqtt::{PublishPacket, QualityOfService, SubscribePacket};
use speed_common::{ANSWERS, CALM, FILTER, Idle, Job, Meter, Mode, TOPIC};
use tokio::sync::{Notify, mpsc};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let job = Job::from_args();
    match job.mode {
        Mode::Publish => publish(&job).await,
        Mode::Receive => receive(&job).await,
        Mode::Answer => answer(&job).await,
        Mode::Idle => idle(&job).await,
    }
}

/// A client that is online; messages go to `on_message`.
async fn connect(
    job: &Job,
    number: usize,
    on_message: impl Fn(&[u8]) + Send + Sync + 'static,
) -> Result<AsyncClientHandle, Box<dyn std::error::Error>> {
    let options = ConnectOptions::builder()
        .with_client_id(&format!("speed-{number}"))
        .with_keep_alive_interval_seconds(Some(job.keep_alive))
        .with_receive_maximum(job.window.max(1024))
        .build();
    let mut builder = TokioClientBuilder::new(&job.host, job.port);
    builder.with_connect_options(options);
    if job.is_tls() {
        let mut tls = TlsOptions::builder();
        builder.with_tls_options(tls.with_root_ca_from_memory(&job.ca_pem()).build_rustls()?);
    }
    if job.is_websocket() {
        builder.with_websocket_options(AsyncWebsocketOptions::builder().build());
    }
    let client = builder.build()?;
    let online = Arc::new(Notify::new());
    let connected = online.clone();
    client.start(Some(Arc::new(move |event: Arc<ClientEvent>| match event.as_ref() {
        ClientEvent::ConnectionSuccess(_) => connected.notify_one(),
        ClientEvent::PublishReceived(received) => {
            on_message(received.publish.payload().unwrap_or_default());
        }
        ClientEvent::ConnectionFailure(failure) => panic!("{}", failure.error),
        ClientEvent::Disconnection(end) => panic!("{}", end.error),
        _ => {}
    })))?;
    online.notified().await;
    Ok(client)
}

const fn qos(level: u8) -> QualityOfService {
    match level {
        0 => QualityOfService::AtMostOnce,
        1 => QualityOfService::AtLeastOnce,
        _ => QualityOfService::ExactlyOnce,
    }
}

/// Publishes something small now and then: a message of which only a part fits
/// its buffer of 4 KiB is sent on with the next message or ping, not before
/// (gneiss-mqtt 0.5), so that a publisher waits for its acknowledgement in vain.
async fn nudge(client: AsyncClientHandle) {
    loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let packet = PublishPacket::builder("nudge".to_owned(), QualityOfService::AtMostOnce);
        drop(client.publish(packet.build(), None));
    }
}

async fn publish(job: &Job) -> Outcome {
    let client = connect(job, 0, |_| ()).await?;
    tokio::spawn(nudge(client.clone()));
    let payload = job.payload();
    let send = |level| {
        let packet = PublishPacket::builder(TOPIC.to_owned(), qos(level));
        client.publish(packet.with_payload(payload.clone()).build(), None)
    };
    let mut window = VecDeque::new();
    let meter = Meter::start();
    for _ in 0..job.count {
        if window.len() >= usize::from(job.window)
            && let Some(oldest) = window.pop_front()
        {
            oldest.await?;
        }
        window.push_back(send(job.qos));
    }
    for publish in window {
        publish.await?;
    }
    if job.qos == 0 {
        // Once the server acknowledges this one, it has all before it.
        send(1).await?;
    }
    meter.finish(job.count);
    Ok(())
}

async fn receive(job: &Job) -> Outcome {
    let (count, done) = (AtomicU64::new(job.count), Arc::new(Notify::new()));
    let (finished, size) = (done.clone(), job.size);
    let client = connect(job, 0, move |payload| {
        assert_eq!(payload.len(), size);
        if count.fetch_sub(1, Ordering::Relaxed) == 1 {
            finished.notify_one();
        }
    })
    .await?;
    let meter = Meter::start();
    subscribe(&client, qos(job.qos)).await?;
    done.notified().await;
    meter.finish(job.count);
    Ok(())
}

async fn subscribe(client: &AsyncClientHandle, qos: QualityOfService) -> Outcome {
    let packet = SubscribePacket::builder().with_subscription_simple(FILTER.to_owned(), qos);
    client.subscribe(packet.build(), None).await?;
    Ok(())
}

async fn answer(job: &Job) -> Outcome {
    let meter = Arc::new(Mutex::new(None));
    let (messages, mut received) = mpsc::unbounded_channel();
    let begun = meter.clone();
    let client = connect(job, 0, move |payload| {
        begun.lock().expect("no panic").get_or_insert_with(Meter::start);
        let _ = messages.send(payload.to_vec());
    })
    .await?;
    subscribe(&client, QualityOfService::AtMostOnce).await?;
    let mut last = None;
    for _ in 0..job.count {
        let payload = received.recv().await.ok_or("the stream ended")?;
        let packet = PublishPacket::builder(ANSWERS.to_owned(), QualityOfService::AtMostOnce);
        last = Some(client.publish(packet.with_payload(payload).build(), None));
    }
    last.ok_or("no message")?.await?;
    meter.lock().expect("no panic").as_ref().ok_or("no message")?.finish(job.count);
    Ok(())
}

async fn idle(job: &Job) -> Outcome {
    let mut idle = Idle::start(job);
    let mut clients = Vec::with_capacity(job.connections);
    for number in 0..job.connections {
        clients.push(connect(job, number, |_| ()).await?);
    }
    tokio::time::sleep(CALM).await;
    idle.watch();
    tokio::time::sleep(Duration::from_secs(job.seconds)).await;
    idle.finish();
    // Not to be told of the end of each.
    std::process::exit(0);
}
