//! mqtt5, MQTT 5: `publish_with_options` is awaited for its acknowledgement,
//! as many at once as the window takes; a callback receives.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use mqtt5::{ConnectOptions, MqttClient, PublishOptions, QoS, SubscribeOptions};
use speed_common::{ANSWERS, CALM, FILTER, Idle, Job, Meter, Mode, TOPIC};
use tokio::sync::{Notify, mpsc};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let job = Job::from_args();
    if job.mode == Mode::Idle {
        return idle(&job).await;
    }
    let client = connect(&job, 0).await?;
    match job.mode {
        Mode::Publish => publish(&client, &job).await,
        Mode::Receive => receive(&client, &job).await,
        _ => answer(&client, &job).await,
    }
}

async fn connect(job: &Job, number: usize) -> Result<MqttClient, Box<dyn std::error::Error>> {
    let mut options = ConnectOptions::new(format!("speed-{number}"))
        .with_keep_alive(Duration::from_secs(job.keep_alive.into()))
        .with_clean_start(true);
    options.protocol_options.properties.receive_maximum = Some(job.window.max(1024));
    let client = MqttClient::with_options(options);
    if job.is_tls() {
        let address = (job.host.parse::<std::net::IpAddr>()?, job.port).into();
        let mut tls = mqtt5::transport::tls::TlsConfig::new(address, "localhost");
        tls.load_ca_cert_pem_bytes(&job.ca_pem())?;
        client.connect_with_tls(tls).await?;
    } else {
        client.connect(&job.url).await?;
    }
    Ok(client)
}

const fn qos(level: u8) -> QoS {
    match level {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

async fn publish(client: &MqttClient, job: &Job) -> Outcome {
    let payload = job.payload();
    let send = |level| {
        let options = PublishOptions { qos: qos(level), ..PublishOptions::default() };
        client.publish_with_options(TOPIC, payload.clone(), options)
    };
    let meter = Meter::start();
    if job.qos == 0 {
        for _ in 0..job.count {
            send(0).await?;
        }
        // Once the server acknowledges this one, it has all before it.
        send(1).await?;
    } else {
        let mut window = FuturesUnordered::new();
        for _ in 0..job.count {
            if window.len() >= usize::from(job.window)
                && let Some(result) = window.next().await
            {
                result?;
            }
            window.push(send(job.qos));
        }
        while let Some(result) = window.next().await {
            result?;
        }
    }
    meter.finish(job.count);
    Ok(())
}

async fn receive(client: &MqttClient, job: &Job) -> Outcome {
    let (count, done) = (Arc::new(AtomicU64::new(job.count)), Arc::new(Notify::new()));
    let meter = Meter::start();
    let options = SubscribeOptions { qos: qos(job.qos), ..SubscribeOptions::default() };
    let (finished, size) = (done.clone(), job.size);
    let callback = move |message: mqtt5::Message| {
        assert_eq!(message.payload.len(), size);
        if count.fetch_sub(1, Ordering::Relaxed) == 1 {
            finished.notify_one();
        }
    };
    client.subscribe_with_options(FILTER, options, callback).await?;
    done.notified().await;
    meter.finish(job.count);
    Ok(())
}

async fn answer(client: &MqttClient, job: &Job) -> Outcome {
    let meter = Arc::new(Mutex::new(None));
    let (messages, mut received) = mpsc::unbounded_channel();
    let begun = meter.clone();
    let callback = move |message: mqtt5::Message| {
        begun.lock().expect("no panic").get_or_insert_with(Meter::start);
        let _ = messages.send(message.payload);
    };
    client.subscribe(FILTER, callback).await?;
    for _ in 0..job.count {
        let payload = received.recv().await.ok_or("the stream ended")?;
        client.publish(ANSWERS, payload).await?;
    }
    meter.lock().expect("no panic").as_ref().ok_or("no message")?.finish(job.count);
    client.disconnect().await?;
    Ok(())
}

async fn idle(job: &Job) -> Outcome {
    let mut idle = Idle::start(job);
    let mut clients = Vec::with_capacity(job.connections);
    for number in 0..job.connections {
        clients.push(connect(job, number).await?);
    }
    tokio::time::sleep(CALM).await;
    idle.watch();
    tokio::time::sleep(Duration::from_secs(job.seconds)).await;
    idle.finish();
    Ok(())
}
