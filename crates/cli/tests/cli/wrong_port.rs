//! Ports that are for something else than the command line says, and the flag that helps.

use evenkeel_broker::Broker;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Ran, broker, broker_with, evenkeel};

/// What a server of another protocol does once it has read something.
#[derive(Clone, Copy)]
enum Answer {
    /// Bytes, and the end.
    Bytes(&'static [u8]),
    Close,
    /// Closes with bytes unread, as mosquitto does on a port for TLS.
    Reset,
}

/// A server that answers each connection so.
async fn server(answer: Answer) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut seen = [0; 1024];
            let room = if matches!(answer, Answer::Reset) { 1 } else { seen.len() };
            let _ = stream.read(&mut seen[..room]).await;
            if let Answer::Bytes(bytes) = answer {
                let _ = stream.write_all(bytes).await;
            }
        }
    });
    port
}

async fn publish(flags: &str) -> Ran {
    evenkeel(&format!("pub a x -W 1 {flags}")).run().await
}

const TLS_HINT: &str =
    "\nhint: add --tls-use-os-certs, or --cafile FILE with the server's CA; in a URL mqtts://\n";

#[tokio::test]
async fn mqtt_to_a_port_for_tls_is_told_by_its_first_bytes() {
    // An alert: protocol version, unexpected message, or of TLS 1.0.
    for alert in [&[0x15, 3, 3, 0, 2, 2, 70][..], &[0x15, 3, 3, 0, 2, 2, 10], &[0x15, 3, 1, 0, 2]] {
        let port = server(Answer::Bytes(alert)).await;
        for command in ["pub a x", "sub a", "rr a x"] {
            let line = format!("{command} -W 1 -h 127.0.0.1 -p {port}");
            let ran = evenkeel(&line).run().await.expect(18);
            ran.says("why: the server answered in TLS, not in MQTT: the port is one for TLS\n")
                .says(TLS_HINT);
        }
    }
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = evenkeel_broker::Tls::from_pem(cert.as_bytes(), key.as_bytes(), None).unwrap();
    let broker: Broker = broker_with(|builder| builder.bind_tls("127.0.0.1:0", tls)).await;
    let port = broker.tls_addr().unwrap().port();
    publish(&format!("-h 127.0.0.1 -p {port}")).await.expect(18).says(TLS_HINT);
}

#[tokio::test]
async fn a_close_before_connack_names_tls_and_accuses_nobody() {
    for (answer, why) in [
        (Answer::Close, "why: the server closed the connection while waiting for CONNACK\n"),
        (Answer::Reset, "why: the connection was reset while waiting for CONNACK\n"),
    ] {
        let port = server(answer).await;
        let ran = publish(&format!("-h 127.0.0.1 -p {port} -W 2")).await.expect(4);
        ran.says(why)
            .says("\nhint: a port for TLS (often 8883) needs --tls-use-os-certs or --cafile FILE; ")
            .says("the next attempt speaks MQTT 3.1.1, in case the server does not know MQTT 5\n");
    }
}

#[tokio::test]
async fn mqtt_to_a_port_for_http_is_told_by_its_first_bytes() {
    let answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    let port = server(Answer::Bytes(answer)).await;
    let ran = publish(&format!("-h 127.0.0.1 -p {port}")).await.expect(18);
    ran.says("why: the server answered in HTTP, not in MQTT: the port is one for HTTP\n").says(
        "\nhint: MQTT is at port 1883, over TLS 8883; for MQTT over WebSocket give --protocol ws",
    );
}

#[tokio::test]
async fn tls_to_a_port_without_says_which_flags_turn_tls_on() {
    let port = server(Answer::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    let ran = publish(&format!("-h 127.0.0.1 -p {port} --tls-use-os-certs")).await.expect(6);
    ran.says("why: the server's answer is not TLS\n").says(
        "\nhint: give the port for TLS by -p (often 8883), or leave out what turns TLS on: --cafile, ",
    );
    let broker = broker().await;
    let port = broker.tcp_addr().unwrap().port();
    let ran = publish(&format!("-h 127.0.0.1 -p {port} --tls-use-os-certs")).await;
    ran.says("\nhint: give the port for TLS by -p (often 8883), or leave TLS out; ");
}

/// Such as by a server whose key is of a kind that the client does not take.
#[tokio::test]
async fn an_alert_in_the_handshake_says_what_to_look_at() {
    let port = server(Answer::Bytes(&[0x15, 3, 3, 0, 2, 2, 40])).await;
    let ran = publish(&format!("-h 127.0.0.1 -p {port} --tls-use-os-certs")).await.expect(6);
    ran.says("alert 40 (handshake failure)").says("is RSA, Ed25519, P-256 or P-384\n");
}

#[tokio::test]
async fn websocket_to_another_port_names_the_protocols() {
    let broker = broker().await;
    let plain = broker.tcp_addr().unwrap().port();
    let alert = server(Answer::Bytes(&[0x15, 3, 3, 0, 2, 2, 10])).await;
    for port in [plain, alert] {
        let ran = publish(&format!("-h 127.0.0.1 -p {port} --protocol ws")).await;
        assert!(ran.code != 0, "{ran:?}");
        ran.says(
            "\nhint: check the port, and whether it is one for --protocol ws, wss (with TLS), ",
        );
    }
}

/// A server that says nothing, such as one of HTTP that waits for a line.
#[tokio::test]
async fn a_server_that_is_silent_may_be_none_of_mqtt() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let ran = publish(&format!("-h 127.0.0.1 -p {port}")).await.expect(5);
    ran.says(
        "why: the server did not answer\nhint: check host and port, also that it is one for MQTT",
    );
    let line = format!("-h 127.0.0.1 -p {port} --connect-timeout 0.3");
    let ran = publish(&line).await.expect(4);
    ran.says("ran out while waiting for CONNACK\nhint: check that the port is one for MQTT");
}
