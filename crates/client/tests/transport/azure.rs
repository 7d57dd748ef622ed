//! The way in to Azure IoT Hub, as a server sees it.

use std::time::{Duration, SystemTime};

use evenkeel::Client;
use evenkeel::azure::SasSigner;
use evenkeel::tls::TlsOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use crate::support::soon;
use crate::support::tls::{Authority, Server, server_config};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The texts and binaries that a CONNECT ends with, each with its length before it.
fn payload(connect: &[u8]) -> Vec<String> {
    let (mut rest, mut fields) = (connect, Vec::new());
    while let [high, low, behind @ ..] = rest {
        let (field, next) = behind.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        fields.push(String::from_utf8(field.to_vec()).unwrap());
        rest = next;
    }
    fields
}

#[tokio::test]
async fn a_device_shows_a_token_of_its_own() {
    let authority = Authority::new();
    let (sender, connect) = oneshot::channel();
    let config = server_config(&authority.server(&["localhost"]));
    let server = Server::start_once(config, |mut stream| async move {
        // Longer than 127 bytes and shorter than 16384: two bytes of length.
        let mut head = [0; 3];
        stream.read_exact(&mut head).await.unwrap();
        let mut body = vec![0; usize::from(head[1] & 0x7f) | usize::from(head[2]) << 7];
        stream.read_exact(&mut body).await.unwrap();
        stream.write_all(&[0x20, 2, 0, 0]).await.unwrap();
        stream.flush().await.unwrap();
        sender.send((head[0], body)).unwrap();
        stream.read_to_end(&mut Vec::new()).await.ok();
    })
    .await;
    let tls = TlsOptions::new().ca_bytes(authority.pem());
    let hub = Client::azure_iot_hub("localhost", "pump-17/engine", KEY).unwrap();
    let client = hub.tls(tls).port(server.port).builder().start().unwrap();
    soon(client.online()).await.unwrap();
    let (kind, connect) = connect.await.unwrap();
    assert_eq!((kind, &connect[..7]), (0x10, b"\0\x04MQTT\x04".as_slice()));
    let fields = payload(&connect[10..]);
    assert_eq!(fields[0], "pump-17/engine");
    assert_eq!(fields[1], "localhost/pump-17/engine/?api-version=2021-04-12");
    let expiry = fields[2].split("&se=").nth(1).unwrap().parse().unwrap();
    let made = SystemTime::UNIX_EPOCH + Duration::from_secs(expiry) - Duration::from_secs(3600);
    let resource = "localhost/devices/pump-17/modules/engine";
    assert_eq!(fields[2], SasSigner::new(resource, KEY).unwrap().token(made).unwrap());
    assert_eq!(fields.len(), 3);
}
