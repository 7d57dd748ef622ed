//! Clients that do what a test wants: this test program again, as the command of
//! `evenkeel advisor`, which tells it all by its environment.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use evenkeel::config::Reconnect;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use crate::support::{Ran, evenkeel};

/// Names the conduct of the client.
const CONDUCT: &str = "EVENKEEL_TEST_CONDUCT";

/// Runs cases against a client of this conduct.
pub(super) async fn advise(flags: &str, conduct: &str) -> Ran {
    let program = std::env::current_exe().unwrap().display().to_string();
    let line = format!("advisor {flags} -- {program} advisor::client::play --exact --ignored");
    evenkeel(&line).env(CONDUCT, conduct).run().await
}

/// No test: the client.
#[test]
#[ignore = "it is the client of other tests"]
fn play() {
    let Ok(conduct) = std::env::var(CONDUCT) else { return };
    let port: u16 = told("PORT").parse().unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    // Whoever ends the connection ends the client as well.
    let _ = match conduct.as_str() {
        "trusting" => listen(tls(stream, Arc::new(Trusting)), |_, _| Ok(())),
        "silent" => Client(stream).silent(),
        "shadow" => follow(stream),
        "job" => job(stream, "SUCCEEDED"),
        "failing-job" => job(stream, "FAILED"),
        "idle-job" => job(stream, "IN_PROGRESS"),
        "both-ways" => both_ways(stream),
        "hasty" => hasty(),
        "no-pings" => no_pings(stream),
        other => panic!("there is no conduct {other}"),
    };
}

/// This repository's client, with delays that a test has time for.
fn hasty() -> Ended {
    let mut delays = Reconnect::default();
    (delays.base, delays.cap) = (Duration::from_millis(100), Duration::from_secs(1));
    // Hastened, hours of connections come within a minute.
    delays.budget = Some(100);
    let client = async {
        let client = evenkeel::Client::builder(told("URL").as_str())
            .client_id(told("CLIENT_ID"))
            .clean_start(false)
            .session_expiry(Duration::from_secs(3600))
            .keep_alive(Duration::from_secs(1))
            .reconnect(delays)
            .start()
            .unwrap();
        let mut messages =
            client.subscribe(told("TOPIC")).qos(evenkeel::QoS::AtLeastOnce).await.unwrap();
        while messages.next().await.is_some() {}
    };
    tokio::runtime::Runtime::new()?.block_on(client);
    Ok(())
}

/// Does everything right except pings: it knows of no connection that is dead.
fn no_pings(first: TcpStream) -> Ended {
    let mut stream = Ok(first);
    for delay in [100, 300, 150, 900, 400].into_iter().cycle() {
        if let Ok(stream) = stream {
            // However it ends, another one begins.
            let _ = acknowledge(stream);
        }
        std::thread::sleep(Duration::from_millis(delay));
        stream = TcpStream::connect(("127.0.0.1", told("PORT").parse::<u16>().unwrap()));
    }
    Ok(())
}

/// Keeps its session, subscribes if there is none, and acknowledges what comes.
fn acknowledge(stream: TcpStream) -> Ended {
    let mut client = Client(stream);
    let id = text(&told("CLIENT_ID"));
    client.send(0x10, &[&text("MQTT")[..], &[4, 0, 0, 2], &id].concat())?;
    let (_, connack) = client.read()?;
    if connack[0] == 0 {
        client.subscribe(&told("TOPIC"))?;
    }
    loop {
        let (first, body) = client.read()?;
        if first >> 4 == 3 {
            let id = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
            client.send(0x40, &body[id..id + 2])?;
        }
    }
}

fn told(name: &str) -> String {
    std::env::var(format!("EVENKEEL_ADVISOR_{name}")).unwrap()
}

/// What a client of MQTT 3.1.1 says, byte by byte.
struct Client<S>(S);

type Ended = std::io::Result<()>;

impl<S: Read + Write> Client<S> {
    fn send(&mut self, first: u8, body: &[u8]) -> Ended {
        let mut packet = vec![first];
        let mut length = body.len();
        loop {
            let byte = u8::try_from(length % 128).unwrap();
            length /= 128;
            packet.push(if length > 0 { byte | 128 } else { byte });
            if length == 0 {
                break;
            }
        }
        packet.extend_from_slice(body);
        self.0.write_all(&packet)?;
        self.0.flush()
    }

    fn connect(&mut self) -> Ended {
        let id = text(&told("CLIENT_ID"));
        self.send(0x10, &[&text("MQTT")[..], &[4, 2, 0, 30], &id].concat())
    }

    fn subscribe(&mut self, filter: &str) -> Ended {
        self.send(0x82, &[&[0, 1], &text(filter)[..], &[1]].concat())
    }

    fn publish(&mut self, topic: &str, payload: &str) -> Ended {
        self.send(0x30, &[&text(topic)[..], payload.as_bytes()].concat())
    }

    fn read(&mut self) -> std::io::Result<(u8, Vec<u8>)> {
        let mut byte = [0];
        self.0.read_exact(&mut byte)?;
        let first = byte[0];
        let (mut length, mut shift) = (0, 0);
        loop {
            self.0.read_exact(&mut byte)?;
            length |= usize::from(byte[0] & 127) << shift;
            shift += 7;
            if byte[0] < 128 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok((first, body))
    }

    /// Opens the connection and says nothing.
    fn silent(mut self) -> Ended {
        self.0.read_exact(&mut [0])
    }
}

fn text(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

/// Connects, subscribes to the topic and hands over what comes; acknowledges nothing.
fn listen<S: Read + Write>(stream: S, mut on: impl FnMut(&mut Client<S>, &str) -> Ended) -> Ended {
    let mut client = Client(stream);
    client.connect()?;
    client.read()?;
    client.subscribe(&told("TOPIC"))?;
    loop {
        let (first, body) = client.read()?;
        if first >> 4 == 3 {
            let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
            let topic = String::from_utf8_lossy(&body[2..2 + length]).into_owned();
            on(&mut client, &topic)?;
        }
    }
}

/// Does what the shadow desires by default.
fn follow(stream: TcpStream) -> Ended {
    let mut client = Client(stream);
    client.connect()?;
    client.read()?;
    let topic = format!("$aws/things/{}/shadow/update", told("THING"));
    client.subscribe(&format!("{topic}/delta"))?;
    client.read()?;
    // What is there at first is not what is desired.
    client.publish(&topic, r#"{"state":{"reported":{"advised":false}}}"#)?;
    client.read()?;
    client.publish(&topic, r#"{"state":{"reported":{"advised":true}}}"#)?;
    client.read().map(|_| ())
}

/// Takes the next job and brings it to this state.
fn job(stream: TcpStream, status: &str) -> Ended {
    let mut client = Client(stream);
    client.connect()?;
    client.read()?;
    let jobs = format!("$aws/things/{}/jobs", told("THING"));
    client.subscribe(&format!("{jobs}/notify-next"))?;
    client.read()?;
    client.read()?;
    client.publish(&format!("{jobs}/start-next"), "{}")?;
    client.read()?;
    let update = format!(r#"{{"status":"{status}"}}"#);
    client.publish(&format!("{jobs}/advised/update"), &update)?;
    loop {
        client.read()?;
    }
}

/// Sends itself megabytes before it reads any of them.
fn both_ways(stream: TcpStream) -> Ended {
    let mut client = Client(stream);
    client.connect()?;
    client.read()?;
    client.subscribe("advised/both")?;
    client.read()?;
    let payload = "x".repeat(100_000);
    (0..200).try_for_each(|_| client.publish("advised/both", &payload))?;
    client.publish(&told("TOPIC"), "")?;
    // What lies unread at the end would take with it what was sent last.
    loop {
        client.read()?;
    }
}

fn tls(stream: TcpStream, verifier: Arc<dyn ServerCertVerifier>) -> impl Read + Write {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

/// Takes any server for the right one.
#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
