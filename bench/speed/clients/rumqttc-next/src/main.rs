//! rumqttc-next, MQTT 5: one task publishes, the other polls the event loop.
//!
//! Payloads are shared, the topic is checked once; the request channel holds
//! 1,000, as the 10 of its examples would throttle.

use std::time::Duration;

use bytes::Bytes;
use rumqttc::mqttbytes::QoS;
use rumqttc::{
    AsyncClient, Broker, Event, EventLoop, Incoming, MqttOptions, PublishOptions, Transport,
    ValidatedTopic,
};
use speed_common::{ANSWERS, CALM, FILTER, Idle, Job, Meter, Mode, TOPIC};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let job = Job::from_args();
    if job.mode == Mode::Idle {
        return idle(&job).await;
    }
    let (client, mut events) = connect(&job, 0).await;
    match job.mode {
        Mode::Publish => publish(client, &mut events, &job).await,
        Mode::Receive => receive(&client, &mut events, &job).await,
        _ => answer(&client, &mut events, &job).await,
    }
}

async fn connect(job: &Job, number: usize) -> (AsyncClient, EventLoop) {
    let broker = if job.is_websocket() {
        Broker::websocket(&job.url).expect("a URL")
    } else {
        (job.host.as_str(), job.port).into()
    };
    let mut options = MqttOptions::new(format!("speed-{number}"), broker);
    options.set_keep_alive(job.keep_alive);
    options.set_outgoing_inflight_upper_limit(job.window);
    options.set_receive_maximum(Some(job.window.max(1024)));
    options.set_max_packet_size(Some(16 << 20));
    if job.is_tls() {
        options.set_transport(Transport::tls(job.ca_pem(), None, None));
    }
    let capacity = if job.mode == Mode::Idle { 10 } else { 1000 };
    let (client, mut events) = AsyncClient::builder(options).capacity(capacity).build();
    loop {
        if let Event::Incoming(Incoming::ConnAck(_)) = events.poll().await.expect("online") {
            return (client, events);
        }
    }
}

const fn qos(level: u8) -> QoS {
    match level {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

async fn publish(client: AsyncClient, events: &mut EventLoop, job: &Job) {
    let meter = Meter::start();
    let (payload, count, level) = (Bytes::from(job.payload()), job.count, job.qos);
    tokio::spawn(async move {
        let topic = ValidatedTopic::new(TOPIC).expect("a topic");
        let send = async |level| {
            let options = PublishOptions::new(qos(level));
            let accepted = client.publish(topic.clone(), payload.clone(), options).await;
            accepted.expect("accepted");
        };
        for _ in 0..count {
            send(level).await;
        }
        if level == 0 {
            // Once the server acknowledges this one, it has all before it.
            send(1).await;
        }
        // The event loop ends with its last client.
        std::future::pending::<()>().await;
    });
    let mut left = if job.qos == 0 { 1 } else { job.count };
    while left > 0 {
        let event = events.poll().await.expect("online");
        if let Event::Incoming(Incoming::PubAck(_) | Incoming::PubComp(_)) = event {
            left -= 1;
        }
    }
    meter.finish(job.count);
}

async fn receive(client: &AsyncClient, events: &mut EventLoop, job: &Job) {
    let meter = Meter::start();
    client.subscribe(FILTER, qos(job.qos)).await.expect("accepted");
    let mut left = job.count;
    while left > 0 {
        if let Event::Incoming(Incoming::Publish(message)) = events.poll().await.expect("online") {
            assert_eq!(message.payload.len(), job.size);
            left -= 1;
        }
    }
    meter.finish(job.count);
}

async fn answer(client: &AsyncClient, events: &mut EventLoop, job: &Job) {
    client.subscribe(FILTER, QoS::AtMostOnce).await.expect("accepted");
    let topic = ValidatedTopic::new(ANSWERS).expect("a topic");
    let (mut meter, mut left) = (None, job.count);
    while left > 0 {
        if let Event::Incoming(Incoming::Publish(message)) = events.poll().await.expect("online") {
            meter.get_or_insert_with(Meter::start);
            let options = PublishOptions::new(QoS::AtMostOnce);
            let answer = client.publish(topic.clone(), message.payload, options);
            let mut answer = std::pin::pin!(answer);
            // The event loop makes the room that the channel may lack.
            loop {
                tokio::select! {
                    biased;
                    accepted = &mut answer => break accepted.expect("accepted"),
                    event = events.poll() => drop(event.expect("online")),
                }
            }
            left -= 1;
        }
    }
    meter.expect("a message").finish(job.count);
    client.disconnect().await.expect("accepted");
    while events.poll().await.is_ok() {}
}

async fn idle(job: &Job) {
    let mut idle = Idle::start(job);
    let mut clients = Vec::with_capacity(job.connections);
    for number in 0..job.connections {
        let (client, mut events) = connect(job, number).await;
        clients.push(client);
        tokio::spawn(async move {
            loop {
                events.poll().await.expect("online");
            }
        });
    }
    tokio::time::sleep(CALM).await;
    idle.watch();
    tokio::time::sleep(Duration::from_secs(job.seconds)).await;
    idle.finish();
}
