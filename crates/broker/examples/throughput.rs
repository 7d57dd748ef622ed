//! How much the broker carries: clients in pairs exchange QoS 1 messages over
//! loopback TCP, in the same process, and the figures are printed.
//!
//! `cargo run --release -p evenkeel-broker --example throughput -- [CLIENTS] [MESSAGES]`

use std::time::{Duration, Instant};

use bytes::BytesMut;
use evenkeel_broker::Broker;
use evenkeel_codec::{
    Ack, Bytes, Connect, Decoder, Packet, PacketId, PacketType, Properties, Publish, QoS,
    ReasonCode, Subscribe, SubscribeFilter, SubscribeOptions, Version,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Messages of one client that are not acknowledged.
const WINDOW: usize = 100;

const PAYLOAD: [u8; 64] = [7; 64];

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let clients = arguments.next().map_or(Ok(100), |text| text.parse())?;
    let messages = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await?;
    let each = messages / clients;
    let begin = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|number| tokio::spawn(exchange(broker.clone(), number, clients, each)))
        .collect();
    for task in tasks {
        task.await??;
    }
    report(&broker, clients, each, begin.elapsed());
    Ok(())
}

/// Sends to a partner, and receives as much from it.
async fn exchange(broker: Broker, own: usize, clients: usize, each: usize) -> Result<(), Failure> {
    let address = broker.tcp_addr().ok_or("no listener")?;
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut output = hello(own)?;
    let message = Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: format!("to/{}", own ^ 1).try_into()?,
        packet_id: None,
        payload: Bytes::from_static(&PAYLOAD),
        properties: Properties::new(),
    };
    let mut decoder = Decoder::new(Version::V5, u32::MAX);
    let mut input = BytesMut::new();
    let (mut sent, mut acknowledged, mut received) = (0, 0, 0);
    let mut is_ready = false;
    while acknowledged < each || received < each {
        stream.write_all(&output).await?;
        output.clear();
        input.reserve(64 * 1024);
        if stream.read_buf(&mut input).await? == 0 {
            return Err("the broker closed".into());
        }
        while let Some(packet) = decoder.decode(&mut input)? {
            match packet {
                Packet::SubAck(_) => {
                    // A partner that is not there yet would miss its messages.
                    while broker.subscription_count() < clients {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    is_ready = true;
                }
                Packet::PubAck(_) => acknowledged += 1,
                Packet::Publish(publish) => {
                    received += 1;
                    let id = publish.packet_id.ok_or("QoS 0")?;
                    Ack::new(id, ReasonCode::SUCCESS).encode(
                        PacketType::PubAck,
                        Version::V5,
                        &mut output,
                    )?;
                }
                _ => {}
            }
        }
        while is_ready && sent < each && sent - acknowledged < WINDOW {
            sent += 1;
            let id = u16::try_from(sent % 60_000 + 1)?;
            let packet_id = PacketId::new(id);
            Packet::Publish(Publish { packet_id, ..message.clone() })
                .encode(Version::V5, &mut output)?;
        }
    }
    stream.write_all(&output).await?;
    Ok(())
}

/// CONNECT and SUBSCRIBE in one go.
fn hello(own: usize) -> Result<Vec<u8>, Failure> {
    let connect = Packet::Connect(Connect {
        version: Version::V5,
        clean_start: true,
        keep_alive: 60,
        client_id: format!("client-{own}").try_into()?,
        will: None,
        username: None,
        password: None,
        properties: Properties::new(),
    });
    let options = SubscribeOptions { qos: QoS::AtLeastOnce, ..SubscribeOptions::default() };
    let subscribe = Packet::Subscribe(Subscribe {
        packet_id: PacketId::new(1).ok_or("identifier 0")?,
        filters: vec![SubscribeFilter { filter: format!("to/{own}").try_into()?, options }],
        properties: Properties::new(),
    });
    let mut output = Vec::new();
    connect.encode(Version::V5, &mut output)?;
    subscribe.encode(Version::V5, &mut output)?;
    Ok(output)
}

fn report(broker: &Broker, clients: usize, each: usize, took: Duration) {
    let stats = broker.stats();
    let total = clients * each;
    let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = memory.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown");
    println!("{clients} clients, {total} messages of {} bytes, QoS 1", PAYLOAD.len());
    println!("{:.2} s, {:.0} messages/s", took.as_secs_f64(), total as f64 / took.as_secs_f64());
    println!(
        "received {}, sent {}, dropped {}; clients and broker: {peak}",
        stats.publishes_received(),
        stats.publishes_sent(),
        stats.messages_dropped
    );
}
