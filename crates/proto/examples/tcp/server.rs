//! The other side, if no server is named: one that knows as much of MQTT as the
//! example needs, on a port of its own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use bytes::BytesMut;
use evenkeel_proto::codec::{
    Ack, ConnAck, Decoder, Packet, Properties, Publish, QoS, ReasonCode, SubAck, Version,
};

/// Starts it; returns its address.
pub(crate) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("the listener has an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    address.to_string()
}

fn serve(mut stream: TcpStream) {
    let mut decoder = Decoder::new(Version::V5, 1 << 20);
    let (mut input, mut bytes) = (BytesMut::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut bytes) {
        input.extend_from_slice(&bytes[..count]);
        while let Ok(Some(packet)) = decoder.decode(&mut input) {
            let mut output = Vec::new();
            for answer in answers(packet) {
                answer.encode(Version::V5, &mut output).expect("an answer is well formed");
            }
            if stream.write_all(&output).is_err() {
                return;
            }
        }
    }
}

/// Everybody is welcome, and hears what is published.
fn answers(packet: Packet) -> Vec<Packet> {
    match packet {
        Packet::Connect(_) => vec![Packet::ConnAck(ConnAck::default())],
        Packet::Subscribe(subscribe) => vec![Packet::SubAck(SubAck {
            packet_id: subscribe.packet_id,
            codes: vec![ReasonCode::GRANTED_QOS_1; subscribe.filters.len()],
            properties: Properties::new(),
        })],
        Packet::Publish(publish) => {
            let answer =
                publish.packet_id.map(|id| Packet::PubAck(Ack::new(id, ReasonCode::SUCCESS)));
            let copy = Publish { qos: QoS::AtMostOnce, packet_id: None, ..publish };
            answer.into_iter().chain([Packet::Publish(copy)]).collect()
        }
        Packet::PingReq => vec![Packet::PingResp],
        _ => Vec::new(),
    }
}
