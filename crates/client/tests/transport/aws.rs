//! The ways in to AWS IoT Core, as a server sees them that negotiates ALPN as AWS does.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use evenkeel::aws::{
    AuthorizerForm, AwsCredentialsError, AwsIot, AwsIotEndpoint, AwsKeys, CustomAuthorizer,
};
use evenkeel::error::{ConnectError, CredentialsError};
use evenkeel::tls::{TlsIdentity, TlsOptions};
use evenkeel::{Client, Reconnect};
use futures_util::{SinkExt, StreamExt};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::support::sigv4::verify;
use crate::support::soon;
use crate::support::tls::{Authority, Server, fixture, mutual_config, server_config};
use crate::support::websocket::accept_as;

const CONNACK: [u8; 5] = [0x20, 3, 0, 0, 0];

/// What AWS serves at port 443, in the order in which it prefers them.
const ALPN: [&str; 4] = ["x-amzn-http-ca", "x-amzn-mqtt-ca", "mqtt", "http/1.1"];

fn with_alpn(mut config: ServerConfig) -> ServerConfig {
    config.alpn_protocols = ALPN.map(|name| name.as_bytes().to_vec()).to_vec();
    config
}

fn aws_iot(authority: &Authority, port: u16) -> AwsIot {
    let endpoint = AwsIotEndpoint::custom_domain("localhost", "us-east-1").unwrap();
    let tls = TlsOptions::new().ca_bytes(authority.pem());
    Client::aws_iot(endpoint).unwrap().tls(tls).port(port)
}

/// Answers a CONNECT, gives it back, and waits for the client's end.
async fn mqtt(mut stream: impl AsyncRead + AsyncWrite + Unpin, connect: oneshot::Sender<Vec<u8>>) {
    let kind = stream.read_u8().await.unwrap();
    let (mut length, mut shift) = (0, 0);
    loop {
        let byte = stream.read_u8().await.unwrap();
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    stream.write_all(&CONNACK).await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(kind, 0x10);
    connect.send(body).unwrap();
    stream.read_to_end(&mut Vec::new()).await.ok();
}

/// Whether the bytes have this text in them.
fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn assert_is_mqtt_5(connect: &[u8]) {
    assert_eq!(&connect[..7], b"\0\x04MQTT\x05");
}

#[tokio::test]
async fn a_certificate_gets_in_at_443_by_alpn() {
    let authority = Authority::new();
    certificate_gets_in(&authority, TlsOptions::new().ca_bytes(authority.pem())).await;
}

#[tokio::test]
async fn a_certificate_gets_in_by_a_finished_configuration_too() {
    let authority = Authority::new();
    let tls = TlsOptions::new().ca_bytes(authority.pem()).alpn(["x-amzn-mqtt-ca"]);
    certificate_gets_in(&authority, TlsOptions::from_rustls(tls.prepare().unwrap())).await;
}

async fn certificate_gets_in(authority: &Authority, tls: TlsOptions) {
    let key = fixture("ec.pkcs8.pem");
    let (sender, connect) = oneshot::channel();
    let config = with_alpn(mutual_config(authority));
    let server = Server::start_once(config, |stream| mqtt(stream, sender)).await;
    let identity = TlsIdentity::from_bytes(authority.client_for_key(&key), key);
    let builder = aws_iot(authority, server.port).tls(tls).certificate(identity);
    let client = builder.start().unwrap();
    soon(client.online()).await.unwrap();
    let seen = server.seen().await;
    assert_eq!(seen.alpn.as_deref(), Some(b"x-amzn-mqtt-ca".as_slice()));
    assert_eq!(seen.server_name.as_deref(), Some("localhost"));
    assert_eq!(seen.client_certificates, 1);
    assert_is_mqtt_5(&connect.await.unwrap());
}

/// A server that knows other protocols only ends TLS: the protocol is offered in earnest.
#[tokio::test]
async fn a_server_without_the_protocol_is_not_spoken_to() {
    let authority = Authority::new();
    let key = fixture("ec.pkcs8.pem");
    let mut config = mutual_config(&authority);
    config.alpn_protocols = vec![b"mqtt".to_vec(), b"http/1.1".to_vec()];
    let server = Server::start(config).await;
    let identity = TlsIdentity::from_bytes(authority.client_for_key(&key), key);
    let builder = aws_iot(&authority, server.port).certificate(identity);
    let client = builder.reconnect(Reconnect::never()).start().unwrap();
    let error = soon(client.online()).await.unwrap_err();
    let ConnectError::Halted { .. } = &error else { panic!("{error:?}") };
    assert!(format!("{error:#}").contains("alert 120"), "{error:#}");
}

#[tokio::test]
async fn a_custom_authorizer_sees_the_user_name_by_alpn_mqtt() {
    let authority = Authority::new();
    let (sender, connect) = oneshot::channel();
    let config = with_alpn(server_config(&authority.server(&["localhost"])));
    let server = Server::start_once(config, |stream| mqtt(stream, sender)).await;
    let authorizer = CustomAuthorizer::named("Fleet").token("tok", "a b", "c2ln+/==");
    let authorizer = authorizer.username("pump").password("s3cret");
    let aws_iot = aws_iot(&authority, server.port);
    let client = aws_iot.authorizer(AuthorizerForm::UserName, authorizer).start().unwrap();
    soon(client.online()).await.unwrap();
    assert_eq!(server.seen().await.alpn.as_deref(), Some(b"mqtt".as_slice()));
    let connect = connect.await.unwrap();
    assert_is_mqtt_5(&connect);
    let username = "pump?x-amz-customauthorizer-name=Fleet\
                    &x-amz-customauthorizer-signature=c2ln%2B%2F%3D%3D&tok=a%20b";
    assert!(holds(&connect, &format!("{username}\0\x06s3cret")), "{connect:?}");
}

/// What a request for a WebSocket had.
struct Upgrade {
    target: String,
    headers: Vec<(String, String)>,
    connect: Vec<u8>,
}

impl Upgrade {
    fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter().filter(|(known, _)| known == name);
        let (_, value) = all.next()?;
        assert!(all.next().is_none(), "{name} is there twice");
        Some(value)
    }
}

/// Accepts one WebSocket, and answers the CONNECT on it.
async fn websocket(stream: impl AsyncRead + AsyncWrite + Unpin, told: oneshot::Sender<Upgrade>) {
    let mut upgrade = Upgrade { target: String::new(), headers: Vec::new(), connect: Vec::new() };
    let note = |request: &Request, response: &mut Response| {
        upgrade.target = request.uri().to_string();
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        let headers = request.headers().iter();
        upgrade.headers =
            headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
        response.headers_mut().insert("sec-websocket-protocol", "mqtt".parse().unwrap());
    };
    let mut stream = accept_as(stream, note).await;
    let Some(Ok(Message::Binary(connect))) = stream.next().await else { panic!("no CONNECT") };
    upgrade.connect = connect.to_vec();
    stream.send(Message::Binary(CONNACK.to_vec().into())).await.unwrap();
    told.send(upgrade).ok().unwrap();
    while let Some(Ok(_)) = stream.next().await {}
}

/// A client on a WebSocket, and what the server saw of it.
async fn over_websocket(
    build: impl FnOnce(AwsIot) -> evenkeel::ClientBuilder,
) -> (Upgrade, u16, Option<Vec<u8>>) {
    let authority = Authority::new();
    let (sender, upgrade) = oneshot::channel();
    let config = with_alpn(server_config(&authority.server(&["localhost"])));
    let server = Server::start_once(config, |stream| websocket(stream, sender)).await;
    let port = server.port;
    let client = build(aws_iot(&authority, port)).start().unwrap();
    soon(client.online()).await.unwrap();
    let alpn = server.seen().await.alpn;
    (soon(upgrade).await.unwrap(), port, alpn)
}

#[tokio::test]
async fn a_signed_websocket_is_signed_for_the_host_that_is_sent() {
    let keys = AwsKeys::new("AKIDEXAMPLE", "s3cret").session_token("to/ken+=");
    let (upgrade, port, alpn) = over_websocket(|aws_iot| {
        // A Host of the settings does not come between.
        let options = evenkeel::transport::WebSocketOptions::new().header("Host", "other.example");
        aws_iot.signed(keys).websocket(options)
    })
    .await;
    assert_eq!(alpn.as_deref(), Some(b"http/1.1".as_slice()));
    let host = format!("localhost:{port}");
    assert_eq!(upgrade.header("host"), Some(host.as_str()));
    assert_eq!(&upgrade.connect[2..9], b"\0\x04MQTT\x05");
    let header = |name: &str| upgrade.header(name).map(str::to_owned);
    let signed = verify(&upgrade.target, header, "s3cret", "us-east-1").unwrap();
    assert_eq!(signed.access_key_id, "AKIDEXAMPLE");
    assert_eq!(signed.token.as_deref(), Some("to/ken+="));
    let age = SystemTime::now().duration_since(instant(&signed.date)).unwrap();
    assert!(age < Duration::from_secs(60), "{age:?}");
    let other = verify(&upgrade.target, header, "s3cret2", "us-east-1").unwrap_err();
    assert_eq!(other, "the signature is wrong");
    let token = "&X-Amz-Security-Token=to%2Fken%2B%3D";
    assert!(upgrade.target.ends_with(token), "{}", upgrade.target);
    assert!(!upgrade.target.contains("s3cret"));
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn month_lengths(year: u64) -> [u64; 12] {
    [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

/// `20261129T120000Z`, found by counting days.
fn instant(stamp: &str) -> SystemTime {
    let number = |range: std::ops::Range<usize>| stamp[range].parse::<u64>().unwrap();
    let (year, month, day) = (number(0..4), number(4..6), number(6..8));
    let years: u64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    let months: u64 = month_lengths(year).iter().take(usize::try_from(month).unwrap() - 1).sum();
    let hours = (years + months + day - 1) * 24 + number(9..11);
    let seconds = (hours * 60 + number(11..13)) * 60 + number(13..15);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[tokio::test]
async fn a_custom_authorizer_sees_headers_or_a_query() {
    let authorizer = CustomAuthorizer::named("Fleet").token("tok", "a+b", "c2ln%2B%2F%3D%3D");
    let asked = authorizer.clone();
    let (upgrade, ..) =
        over_websocket(|aws_iot| aws_iot.authorizer(AuthorizerForm::Headers, asked)).await;
    assert_eq!(upgrade.target, "/mqtt");
    assert_eq!(upgrade.header("x-amz-customauthorizer-name"), Some("Fleet"));
    assert_eq!(upgrade.header("x-amz-customauthorizer-signature"), Some("c2ln+/=="));
    assert_eq!(upgrade.header("tok"), Some("a+b"));

    let (upgrade, ..) = over_websocket(|aws_iot| {
        aws_iot.authorizer(AuthorizerForm::Query, authorizer).username("pump").password("s3cret")
    })
    .await;
    let expected = "/mqtt?x-amz-customauthorizer-name=Fleet\
                    &x-amz-customauthorizer-signature=c2ln%2B%2F%3D%3D&tok=a%2Bb";
    assert_eq!(upgrade.target, expected);
    assert_eq!(upgrade.header("tok"), None);
    assert!(holds(&upgrade.connect, "\0\x04pump\0\x06s3cret"));
}

/// A server that answers each request for a WebSocket with 403 at this date, and keeps their
/// targets.
async fn refusing(
    config: ServerConfig,
    date: impl Fn() -> String + Send + 'static,
) -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, targets) = tokio::sync::mpsc::unbounded_channel();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let request = String::from_utf8(request).unwrap();
            sender.send(request.split(' ').nth(1).unwrap().to_owned()).unwrap();
            let head = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0";
            let answer = format!("{head}\r\nDate: {}\r\n\r\n", date());
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.ok();
        }
    });
    (port, targets)
}

/// R8 and R12.
#[tokio::test]
async fn each_attempt_is_signed_by_fresh_keys() {
    let authority = Authority::new();
    let config = with_alpn(server_config(&authority.server(&["localhost"])));
    let right = || http_date(SystemTime::now());
    let (port, mut targets) = refusing(config, right).await;
    let asked = AtomicU32::new(0);
    let source = move || {
        let number = asked.fetch_add(1, Ordering::Relaxed) + 1;
        ready(Ok(AwsKeys::new(format!("ID{number}"), "s3cret")))
    };
    // Attempts begin if the test asks for them, and else not within it.
    let mut policy = Reconnect::default();
    (policy.base, policy.cap) = (Duration::from_secs(600), Duration::from_secs(600));
    let builder = aws_iot(&authority, port).signed(source);
    let builder = builder.profile(evenkeel::profile::standard()).reconnect(policy);
    let client = builder.start().unwrap();
    for number in 1..=3 {
        let error = soon(client.online()).await.unwrap_err();
        let text = format!("{error:#} {error:?}");
        assert!(text.contains("403") && !text.contains("X-Amz"), "{text}");
        let target = soon(targets.recv()).await.unwrap();
        assert!(target.contains(&format!("X-Amz-Credential=ID{number}%2F")), "{target}");
        client.reconnect();
    }
}

/// A time in the form of HTTP's `Date`, whose first word nobody needs to be right.
fn http_date(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let (day, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(day);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let name =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][month];
    format!("Day, {day:02} {name} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Year, month from 0 and day of a day since 1970.
fn civil(mut day: u64) -> (u64, usize, u64) {
    let mut year = 1970;
    while day >= if is_leap(year) { 366 } else { 365 } {
        day -= if is_leap(year) { 366 } else { 365 };
        year += 1;
    }
    let mut month = 0;
    while day >= month_lengths(year)[month] {
        day -= month_lengths(year)[month];
        month += 1;
    }
    (year, month, day + 1)
}

/// R11: AWS takes a signature for some minutes only; its own clock says whose fault it is.
#[tokio::test]
async fn a_clock_that_is_an_hour_off_is_told() {
    for (ahead, side) in [(true, "ahead of"), (false, "behind")] {
        let authority = Authority::new();
        let config = with_alpn(server_config(&authority.server(&["localhost"])));
        let date = move || {
            let hour = Duration::from_secs(3600);
            let now = SystemTime::now();
            http_date(if ahead { now - hour } else { now + hour })
        };
        let (port, mut targets) = refusing(config, date).await;
        let text = failure(aws_iot(&authority, port).signed(AwsKeys::new("i", "s3cret"))).await;
        let (_, off) = text.split_once("HTTP status 403, and this machine's clock is ").unwrap();
        let (seconds, rest) = off.split_once(" s ").unwrap();
        assert!((3590..=3610).contains(&seconds.parse().unwrap()), "{text}");
        let side = format!("{side} the server's; set the clock: signatures and tokens are good");
        assert!(rest.starts_with(&side), "{text}");
        assert!(soon(targets.recv()).await.unwrap().contains("X-Amz-Signature="));
    }
}

/// What a client says of an attempt that got nowhere.
async fn failure(builder: evenkeel::ClientBuilder) -> String {
    let client = builder.reconnect(Reconnect::never()).start().unwrap();
    format!("{:#}", soon(client.online()).await.unwrap_err())
}

#[tokio::test]
async fn sources_that_fail_are_told_with_a_hint() {
    let authority = Authority::new();
    let iot = || aws_iot(&authority, 1);
    let expired = AwsKeys::new("i", "s3cret").expires_at(SystemTime::UNIX_EPOCH);
    let text = failure(iot().signed(expired)).await;
    assert!(text.contains("the AWS keys expired at 1970-01-01T00:00:00Z"), "{text}");
    assert!(text.contains("get new ones, or set the clock"), "{text}");

    let own = || ready(Err(AwsCredentialsError::Other("the vault is sealed".to_owned())));
    let text = failure(iot().signed(own)).await;
    assert!(text.contains("the vault is sealed"), "{text}");

    let none = || ready(Err(CredentialsError("the vault is sealed".to_owned())));
    for form in [AuthorizerForm::UserName, AuthorizerForm::Headers, AuthorizerForm::Query] {
        let text = failure(iot().authorizer(form, none)).await;
        assert!(text.contains("the vault is sealed"), "{text}");
    }

    let named = || CustomAuthorizer::new().username("pump").password("s3cret");
    for form in [AuthorizerForm::Headers, AuthorizerForm::Query] {
        let text = failure(iot().authorizer(form, named())).await;
        assert!(text.contains("ClientBuilder::username"), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}

/// The application's own server beside AWS gets neither signature nor token.
#[tokio::test]
async fn other_endpoints_are_left_alone() {
    let authority = Authority::new();
    let (sender, connect) = oneshot::channel();
    let config = server_config(&authority.server(&["localhost"]));
    let server = Server::start_once(config, |mut stream| async move {
        let mut first = [0; 2];
        stream.read_exact(&mut first).await.unwrap();
        sender.send(first).unwrap();
    })
    .await;
    let other = format!("mqtts://localhost:{}", server.port);
    let builder = aws_iot(&authority, 1).signed(AwsKeys::new("i", "s3cret"));
    let _client = builder.profile(evenkeel::profile::standard()).server(other).start().unwrap();
    assert_eq!(soon(connect).await.unwrap()[0], 0x10, "MQTT, and no HTTP");
}
