//! ntex-mqtt, MQTT 3.1.1, on its own runtime: the non-blocking send with a
//! callback for acknowledgements, which is its fastest way.
//!
//! QoS 2 publishing is left out: several exactly-once sends under way end in
//! `UnexpectedRelease` in 8.2.1. Plain TCP only.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ntex::service::{ServiceFactory, cfg::SharedCfg, fn_service};
use ntex::time::{Millis, Seconds, sleep};
use ntex::util::{ByteString, Bytes};
use ntex_mqtt::v3;
use ntex_mqtt::{MqttServiceConfig, QoS};
use speed_common::{ANSWERS, CALM, FILTER, Idle, Job, Meter, Mode, TOPIC};

#[ntex::main]
async fn main() {
    let job = Job::from_args();
    match job.mode {
        Mode::Publish => publish(&job).await,
        Mode::Receive => receive(&job).await,
        Mode::Answer => answer(&job).await,
        Mode::Idle => idle(&job).await,
    }
}

async fn connect(job: &Job, number: usize) -> v3::client::Client {
    let config = MqttServiceConfig::new()
        .set_max_size(16 << 20)
        .set_max_send(job.window)
        .set_max_receive(job.window.max(1024))
        .set_max_receive_size(0)
        .set_max_payload_buffer_size(16 << 20);
    let config: SharedCfg = SharedCfg::new("speed").add(config).into();
    v3::client::MqttConnector::new()
        .pipeline(config)
        .await
        .expect("a connector")
        .call(
            v3::client::Connect::new(format!("{}:{}", job.host, job.port))
                .client_id(format!("speed-{number}"))
                .keep_alive(Seconds(job.keep_alive)),
        )
        .await
        .expect("online")
}

async fn publish(job: &Job) {
    let client = connect(job, 0).await;
    let sink = client.sink();
    let acknowledged = Rc::new(Cell::new(0));
    let counter = acknowledged.clone();
    sink.publish_ack_cb(move |_, disconnected| {
        assert!(!disconnected, "online");
        counter.set(counter.get() + 1);
    });
    ntex::rt::spawn(client.start_default());
    let topic = ByteString::from_static(TOPIC);
    let payload = Bytes::from(job.payload());
    let meter = Meter::start();
    for _ in 0..job.count {
        // Once ready is not yet ready: the buffer may have filled up meanwhile.
        while !sink.is_ready() {
            assert!(sink.ready().await, "online");
        }
        let message = sink.publish(topic.clone());
        match job.qos {
            0 => message.send_at_most_once(payload.clone()).expect("sent"),
            1 => message.send_at_least_once_no_block(payload.clone()).expect("sent"),
            _ => panic!("QoS 2 is left out"),
        }
    }
    let expected = if job.qos == 0 {
        // Once the server acknowledges this one, it has all before it.
        sink.publish(topic).send_at_least_once_no_block(payload).expect("sent");
        1
    } else {
        job.count
    };
    while acknowledged.get() < expected {
        std::future::poll_fn(yield_once()).await;
    }
    meter.finish(job.count);
}

/// Lets the other tasks run once.
fn yield_once() -> impl FnMut(&mut std::task::Context<'_>) -> std::task::Poll<()> {
    let mut yielded = false;
    move |cx| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    }
}

async fn receive(job: &Job) {
    let client = connect(job, 0).await;
    let sink = client.sink();
    let meter = Rc::new(RefCell::new(None));
    let (count, size, left) = (job.count, job.size, Rc::new(Cell::new(job.count)));
    let begun = meter.clone();
    let running = ntex::rt::spawn(client.start(fn_service(
        async move |message: v3::client::ProtocolMessage| {
            Ok::<_, ()>(match message {
                v3::client::ProtocolMessage::Publish(publish) => {
                    let payload = publish.read_all().await.map_err(drop)?;
                    assert_eq!(payload.len(), size);
                    left.set(left.get() - 1);
                    if left.get() == 0 {
                        if let Some(meter) = begun.borrow().as_ref() {
                            Meter::finish(meter, count);
                        }
                        std::process::exit(0);
                    }
                    publish.ack()
                }
                v3::client::ProtocolMessage::PublishRelease(release) => release.ack(),
                message => panic!("{message:?}"),
            })
        },
    )));
    *meter.borrow_mut() = Some(Meter::start());
    let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][usize::from(job.qos)];
    sink.subscribe().topic_filter(FILTER.into(), qos).send().await.expect("granted");
    let _ = running.await;
}

async fn answer(job: &Job) {
    let client = connect(job, 0).await;
    let sink = client.sink();
    let (answers, left) = (sink.clone(), Rc::new(Cell::new(job.count)));
    let meter = Rc::new(RefCell::new(None));
    let (count, topic) = (job.count, ByteString::from_static(ANSWERS));
    let running = ntex::rt::spawn(client.start(fn_service(
        async move |message: v3::client::ProtocolMessage| {
            Ok::<_, ()>(match message {
                v3::client::ProtocolMessage::Publish(publish) => {
                    meter.borrow_mut().get_or_insert_with(Meter::start);
                    let payload = publish.read_all().await.map_err(drop)?;
                    let answer = answers.publish(topic.clone());
                    answer.send_at_most_once(payload).expect("sent");
                    left.set(left.get() - 1);
                    if left.get() == 0
                        && let Some(meter) = meter.borrow().as_ref()
                    {
                        Meter::finish(meter, count);
                    }
                    publish.ack()
                }
                message => panic!("{message:?}"),
            })
        },
    )));
    sink.subscribe().topic_filter(FILTER.into(), QoS::AtMostOnce).send().await.expect("granted");
    let _ = running.await;
}

async fn idle(job: &Job) {
    let mut idle = Idle::start(job);
    for number in 0..job.connections {
        ntex::rt::spawn(connect(job, number).await.start_default());
    }
    sleep(Millis(CALM.as_millis() as u32)).await;
    idle.watch();
    sleep(Millis(job.seconds as u32 * 1000)).await;
    idle.finish();
    std::process::exit(0);
}
