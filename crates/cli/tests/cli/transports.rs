//! TLS with client certificates, WebSocket, unix sockets, versions.

use crate::pki::Pki;
use crate::support::{broker, broker_with, evenkeel, folder, saw};

/// A machine's clock may not be set yet (R11); an expired certificate is for
/// people to renew.
#[tokio::test]
async fn a_certificate_that_is_not_valid_yet_is_tried_again_and_an_expired_one_is_not() {
    let young = Pki::in_years(4000, 4001);
    let (ca, broker) = (young.path("ca.pem"), young.broker(false).await);
    let port = broker.tls_addr().unwrap().port();
    for flag in ["", " --keep-trying"] {
        let line = format!("sub a -h localhost -p {port} --cafile {ca}{flag}");
        let mut running = evenkeel(&line).start();
        let told = running.until_says("attempt 2 in ").await;
        assert!(told.contains("it is not valid before 4000-03-01"), "{told}");
        running.until_says("attempt 3 in ").await;
        running.until_says("attempt 4 in ").await;
        running.signal("INT").await;
        running.ended().await;
    }
    let old = Pki::in_years(2000, 2001);
    let (ca, broker) = (old.path("ca.pem"), old.broker(false).await);
    let port = broker.tls_addr().unwrap().port();
    let base = format!("-h localhost -p {port} --cafile {ca}");
    for line in [format!("sub a {base}"), format!("pub a x -q 1 {base}")] {
        evenkeel(&line).run().await.expect(6).says("it expired on 2001-03-01");
    }
    let mut running = evenkeel(&format!("sub a {base} --keep-trying")).start();
    running.until_says("attempt 3 in ").await;
    running.signal("INT").await;
    running.ended().await;
}

#[tokio::test]
async fn tls_with_an_authority_and_a_client_certificate() {
    let pki = Pki::new();
    let broker = pki.broker(true).await;
    let port = broker.tls_addr().unwrap().port();
    let (ca, cert, key) = (pki.path("ca.pem"), pki.path("client.pem"), pki.path("client.key"));
    let base = format!("pub a x -q 1 -W 5 -h localhost -p {port} --cafile {ca}");
    evenkeel(&format!("{base} --cert {cert} --key {key}")).run().await.expect(0);
    evenkeel(&format!("{base} --cert {cert} --key {key} --tls-version tlsv1.2"))
        .run()
        .await
        .expect(0);
    evenkeel(&format!("{base} --cert {cert} --key {key} --tls-alpn mqtt")).run().await.expect(0);
    evenkeel(&base).run().await.expect(6).says("certificate required");
}

#[tokio::test]
async fn an_untrusted_server_is_refused_and_each_switch_does_what_it_says() {
    let pki = Pki::new();
    let broker = pki.broker(false).await;
    let port = broker.tls_addr().unwrap().port();
    let ca = pki.path("ca.pem");
    let run = |flags: &str| evenkeel(&format!("pub a x -W 5 -p {port} {flags}")).run();
    run("-h localhost --tls-use-os-certs")
        .await
        .expect(6)
        .says("why: the server's certificate was rejected: its issuer is not trusted");
    run(&format!("-h localhost --cafile {ca}")).await.expect(0);
    run(&format!("-h localhost --capath {}", pki.folder.display())).await.expect(0);
    run(&format!("-h 127.0.0.1 --cafile {ca}")).await.expect(6).says("not for '127.0.0.1'");
    run(&format!("-h 127.0.0.1 --cafile {ca} --tls-server-name localhost")).await.expect(0);
    run(&format!("-h 127.0.0.1 --cafile {ca} --insecure"))
        .await
        .expect(0)
        .says("warning: the name in the server's certificate is not checked");
    run("-h 127.0.0.1 --protocol mqtts --insecure").await.expect(6);
    run("-h 127.0.0.1 --protocol mqtts --tls-verify-nothing")
        .await
        .expect(0)
        .says("warning: the server's certificate is not verified");
}

#[tokio::test]
async fn tls_to_a_plain_port_is_explained() {
    let broker = broker().await;
    let port = broker.tcp_addr().unwrap().port();
    let line = format!("pub a x -W 2 -h 127.0.0.1 -p {port} --protocol mqtts");
    let ran = evenkeel(&line).run().await;
    assert!([4, 6].contains(&ran.code), "{ran:?}");
    ran.says("hint: give the port for TLS by -p (often 8883), or leave TLS out; ");
}

#[tokio::test]
async fn websocket_plain_and_secure() {
    let pki = Pki::new();
    let tls = pki.tls(false);
    let broker = broker_with(|builder| {
        builder.bind_websocket("127.0.0.1:0").bind_websocket_tls("127.0.0.1:0", tls)
    });
    let broker = broker.await;
    let plain = broker.websocket_addr().unwrap().port();
    evenkeel(&format!("pub a x -q 1 -L ws://127.0.0.1:{plain}/mqtt -W 5")).run().await.expect(0);
    evenkeel(&format!("pub a x -q 1 -h 127.0.0.1 -p {plain} --protocol ws --ws-path /mqtt -W 5"))
        .run()
        .await
        .expect(0);
    let secure = broker.websocket_tls_addr().unwrap().port();
    let line = format!(
        "pub a x -q 1 -L wss://localhost:{secure}/mqtt --cafile {} -W 5",
        pki.path("ca.pem")
    );
    evenkeel(&line).run().await.expect(0);
    let events: Vec<String> =
        broker.recorded().iter().map(evenkeel_broker::Event::to_json).collect();
    let opened = |transport: &str| {
        let text = format!("\"transport\":\"{transport}\"");
        events.iter().filter(|event| event.contains(&text)).count()
    };
    assert_eq!((opened("ws"), opened("wss")), (2, 1), "{events:?}");
}

#[tokio::test]
async fn unix_sockets_by_flag_and_by_url() {
    let path = folder().join("a socket");
    let broker = broker_with(|builder| builder.bind_unix(&path)).await;
    evenkeel("pub a x -q 1").args(["--unix", path.to_str().unwrap()]).run().await.expect(0);
    let url = format!("mqtt+unix://{}", path.display().to_string().replace(' ', "%20"));
    evenkeel("pub a x -q 1").args(["-L", &url]).run().await.expect(0);
    assert_eq!(broker.stats().publishes_received(), 2);
}

#[tokio::test]
async fn the_three_versions_and_the_fallback() {
    for (flag, level) in [("mqttv31", 3), ("mqttv311", 4), ("mqttv5", 5)] {
        let broker = broker().await;
        evenkeel("pub a x -q 2").args(["-V", flag]).at(&broker).run().await.expect(0);
        let event = saw(&broker, "connected").await.to_json();
        assert!(event.contains(&format!("\"version\":{level},")), "{event}");
    }
    let old =
        "[[rule]]\nreceived = \"CONNECT\"\ntimes = 1\naction = { refuse = { code = 0x84 } }\n";
    let broker = crate::support::scripted(old).await;
    let ran = evenkeel("pub a x -q 1").at(&broker).run().await.expect(0);
    ran.says("the next attempt speaks MQTT 3.1.1, as the server refused MQTT 5");
    let event = saw(&broker, "connected").await.to_json();
    assert!(event.contains("\"version\":4,"), "{event}");
}

#[tokio::test]
async fn connect_properties_and_keep_alive_reach_the_broker() {
    let broker = broker().await;
    let line =
        "pub a x -k 17 -x 60 -i me -D connect receive-maximum 3 -D connect user-property k v";
    evenkeel(line).at(&broker).run().await.expect(0);
    let event = saw(&broker, "connected").await.to_json();
    for text in [
        "\"keep_alive_s\":17",
        "\"session_expiry_s\":60",
        "\"client_id\":\"me\"",
        "\"clean_start\":true",
    ] {
        assert!(event.contains(text), "{event}");
    }
    evenkeel("pub a x -i me -c").at(&broker).run().await.expect(0);
    let resumed = broker.wait_for(std::time::Duration::from_secs(30), |event| {
        event.to_json().contains("\"clean_start\":false,\"session_present\":true")
    });
    assert!(resumed.await.is_some());
}

/// Serves SOCKS5 without authentication (RFC 1928), for names and addresses.
async fn serve_socks5(mut client: tokio::net::TcpStream) -> std::io::Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut methods = [0; 2];
    client.read_exact(&mut methods).await?;
    client.read_exact(&mut vec![0; methods[1].into()]).await?;
    client.write_all(&[5, 0]).await?;
    let mut request = [0; 4];
    client.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => {
            let mut address = [0; 4];
            client.read_exact(&mut address).await?;
            std::net::Ipv4Addr::from(address).to_string()
        }
        _ => {
            let mut name = vec![0; client.read_u8().await?.into()];
            client.read_exact(&mut name).await?;
            String::from_utf8_lossy(&name).into_owned()
        }
    };
    let mut server = tokio::net::TcpStream::connect((host, client.read_u16().await?)).await?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}

#[tokio::test]
async fn a_proxy_is_used_and_a_dead_one_is_explained() {
    let broker = broker().await;
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("socks5h://{}", proxy.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (client, _) = proxy.accept().await.unwrap();
        serve_socks5(client).await
    });
    evenkeel("pub a x -q 1 -W 10").args(["--proxy", &url]).at(&broker).run().await.expect(0);
    served.await.unwrap().unwrap();
    let dead = format!("socks5h://127.0.0.1:{}", crate::support::dead_port());
    let ran = evenkeel("pub a x -W 0.3").args(["--proxy", &dead]).at(&broker).run().await;
    ran.expect(4)
        .says("error: no connection within 300 ms\nwhy: the proxy 127.0.0.1:")
        .says("hint: check the proxy's host and port, and that it runs");
}
