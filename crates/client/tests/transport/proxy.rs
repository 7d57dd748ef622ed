//! SOCKS5 and HTTP proxies.

use std::time::Duration;

use evenkeel::ConnectPhase;
use evenkeel::transport::internals::{ConnectProgress, Opener, Transport};
use evenkeel::transport::{ConfigError, ConnectError, Proxy, ProxyError, TransportOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{assert_echo, echo, endpoint, refusing_port, serve, soon};

/// What a scripted proxy expects and answers, in turn; then it becomes the server and echoes.
type Script = Vec<(Vec<u8>, Vec<u8>)>;

async fn play(mut stream: TcpStream, script: Script) {
    for (expected, answer) in script {
        let mut received = vec![0; expected.len()];
        stream.read_exact(&mut received).await.unwrap();
        assert_eq!(received, expected, "the client said something else");
        stream.write_all(&answer).await.unwrap();
    }
    echo(stream).await;
}

/// Opens `url` through a proxy that follows the script.
async fn open(scheme: &str, url: &str, script: Script) -> Result<Transport, ConnectError> {
    let port = serve(|stream| play(stream, script)).await;
    let mut options = TransportOptions::default();
    let proxy = scheme.replace("HOST", &format!("127.0.0.1:{port}"));
    options.proxy = Some(Proxy::parse(&proxy).unwrap());
    let (opener, progress) = (Opener::new(options), ConnectProgress::new());
    let result = soon(opener.open(&endpoint(url), &progress)).await;
    assert_eq!(progress.phase(), ConnectPhase::Proxy);
    result
}

fn script(steps: &[(&[u8], &[u8])]) -> Script {
    steps.iter().map(|(expected, answer)| (expected.to_vec(), answer.to_vec())).collect()
}

const GRANTED_IPV4: &[u8] = &[5, 0, 0, 1, 127, 0, 0, 1, 7, 7];

#[tokio::test]
async fn socks5h_lets_the_proxy_resolve() {
    let request = b"\x05\x01\x00\x03\x0ebroker.example\x07\x5b";
    let granted_by_name = b"\x05\x00\x00\x03\x04name\x07\x07";
    let granted_ipv6 = [&[5, 0, 0, 4][..], &[0; 18]].concat();
    for granted in [GRANTED_IPV4, granted_by_name, &granted_ipv6] {
        let script = script(&[(&[5, 1, 0], &[5, 0]), (request, granted)]);
        let mut stream =
            open("socks5h://HOST", "mqtt://broker.example:1883", script).await.unwrap();
        assert_echo(&mut stream, b"hello").await;
    }
}

#[tokio::test]
async fn socks5_addresses_and_credentials() {
    let script = script(&[
        (&[5, 2, 0, 2], &[5, 2]),
        (b"\x01\x04user\x05p:@\xff!", &[1, 0]),
        (&[5, 1, 0, 1, 192, 0, 2, 7, 0, 80], GRANTED_IPV4),
    ]);
    let proxy = "socks5://user:p:%40%ff!@HOST";
    let mut stream = open(proxy, "mqtt://192.0.2.7:80", script).await.unwrap();
    assert_echo(&mut stream, b"hello").await;
}

#[tokio::test]
async fn socks5_ipv6() {
    let mut request = vec![5, 1, 0, 4];
    request.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 80]);
    let script = vec![(vec![5, 1, 0], vec![5, 0]), (request, GRANTED_IPV4.to_vec())];
    let mut stream = open("socks5h://HOST", "mqtt://[2001:db8::7]:80", script).await.unwrap();
    assert_echo(&mut stream, b"hello").await;
}

#[tokio::test]
async fn socks5_refusals_are_explained() {
    let request: &[u8] = &[5, 1, 0, 1, 192, 0, 2, 7, 0, 80];
    for (proxy, steps, error, text) in [
        (
            "socks5h://HOST",
            script(&[(&[5, 1, 0], &[5, 0xff])]),
            ProxyError::NoAuthenticationMethod,
            "the proxy accepts no authentication that was offered; \
             give the proxy's user name and password in its URL",
        ),
        (
            "socks5h://u:p@HOST",
            script(&[(&[5, 2, 0, 2], &[5, 2]), (b"\x01\x01u\x01p", &[1, 1])]),
            ProxyError::CredentialsRejected,
            "the proxy did not accept the user name and password; \
             give the proxy's user name and password in its URL",
        ),
        (
            "socks5h://HOST",
            script(&[(&[5, 1, 0], &[5, 0]), (request, &[5, 5, 0, 1, 0, 0, 0, 0, 0, 0])]),
            ProxyError::SocksRefused { code: 5 },
            "the proxy did not connect: connection refused; check the server's host and port",
        ),
        (
            "socks5h://HOST",
            script(&[(&[5, 1, 0], b"HT")]),
            ProxyError::NotAProxy,
            "the answer is not that of such a proxy; check the proxy's scheme and port",
        ),
    ] {
        let result = open(proxy, "mqtt://192.0.2.7:80", steps).await.unwrap_err();
        assert_eq!(result, ConnectError::Proxy(error));
        assert_eq!(format!("{result:#}"), text);
    }
}

#[tokio::test]
async fn http_connect() {
    let request = b"CONNECT broker.example:8883 HTTP/1.1\r\nHost: broker.example:8883\r\n\r\n";
    for answer in [
        "HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n",
        "HTTP/1.0 204\r\n\r\n",
        "HTTP/1.1 200 OK\nVia: test\n\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 100 Continue\n\nHTTP/1.1 102 Processing\nA: b\n\nHTTP/1.1 200 OK\n\n",
    ] {
        let script = script(&[(request, answer.as_bytes())]);
        let mut stream = open("http://HOST", "mqtt://broker.example:8883", script).await.unwrap();
        assert_echo(&mut stream, b"hello").await;
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_reached_is_named() {
    let port = refusing_port().await;
    for scheme in ["socks5h", "socks5", "http"] {
        let mut options = TransportOptions::default();
        let url = format!("{scheme}://anna:s3cret@127.0.0.1:{port}");
        options.proxy = Some(Proxy::parse(&url).unwrap());
        let (opener, progress) = (Opener::new(options), ConnectProgress::new());
        let error = soon(opener.open(&endpoint("mqtt://192.0.2.7:80"), &progress)).await;
        let error = error.unwrap_err();
        let text = format!("{error:#}");
        let begin = format!(
            "the proxy 127.0.0.1:{port} is not reached: cannot connect to 127.0.0.1:{port} ("
        );
        assert!(text.starts_with(&begin), "{text}");
        assert!(text.ends_with("; check the proxy's host and port, and that it runs"), "{text}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        // Whoever ran out of time would have to say so of the proxy.
        assert_eq!(progress.phase(), ConnectPhase::Proxy);
    }
    let mut options = TransportOptions::default();
    options.proxy = Some(Proxy::parse("http://proxy.invalid:3128").unwrap());
    let opener = Opener::new(options);
    let error = soon(opener.open(&endpoint("mqtt://192.0.2.7"), &ConnectProgress::new())).await;
    let error = error.unwrap_err();
    let ConnectError::Proxy(ProxyError::Unreachable { proxy, error: inner }) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(proxy, "proxy.invalid:3128");
    assert!(matches!(**inner, ConnectError::Resolve { .. }), "{inner:?}");
}

#[tokio::test]
async fn http_credentials_and_refusals() {
    let request = b"CONNECT [::1]:1 HTTP/1.1\r\nHost: [::1]:1\r\n\
                    Proxy-Authorization: Basic dTpwOnc=\r\n\r\n";
    for (answer, error, text) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            ProxyError::CredentialsRejected,
            "the proxy did not accept the user name and password; \
             give the proxy's user name and password in its URL",
        ),
        (
            "HTTP/1.1 403 Forbidden\r\n\r\n",
            ProxyError::HttpRefused { status: 403 },
            "the proxy did not connect: HTTP status 403; \
             the proxy's rules forbid this host or port",
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 90\r\n\r\n",
            ProxyError::TryLater { status: 503, after: Duration::from_secs(90) },
            "the proxy did not connect: HTTP status 503 (Retry-After 90 s); \
             check the server's host and port",
        ),
        (
            "HTTP/1.1 407 Later\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n\r\n",
            ProxyError::TryLater { status: 407, after: Duration::from_secs(30) },
            "the proxy did not connect: HTTP status 407 (Retry-After 30 s); \
             give the proxy's user name and password in its URL",
        ),
        (
            "HTTP/1.1 429 Slow\r\nRetry-After: soon\r\n\r\n",
            ProxyError::HttpRefused { status: 429 },
            "the proxy did not connect: HTTP status 429",
        ),
        (
            "SSH-2.0-OpenSSH_9.2\r\n\r\n",
            ProxyError::NotAProxy,
            "the answer is not that of such a proxy; check the proxy's scheme and port",
        ),
    ] {
        let script = script(&[(request, answer.as_bytes())]);
        let result = open("http://u:p:w@HOST", "mqtt://[::1]:1", script).await.unwrap_err();
        assert_eq!(result, ConnectError::Proxy(error));
        assert_eq!(format!("{result:#}"), text);
    }
}

#[tokio::test]
async fn a_proxy_that_hangs_up_or_never_stops() {
    async fn answer(answer: &'static [u8], times: usize) -> ConnectError {
        let port = serve(move |mut stream| async move {
            for _ in 0..times {
                if stream.write_all(answer).await.is_err() {
                    return;
                }
            }
            stream.shutdown().await.unwrap();
            // The client's request is read, so that closing does not reset the connection.
            stream.read_to_end(&mut Vec::new()).await.unwrap();
        })
        .await;
        let mut options = TransportOptions::default();
        options.proxy = Some(Proxy::parse(&format!("http://127.0.0.1:{port}")).unwrap());
        let opener = Opener::new(options);
        soon(opener.open(&endpoint("mqtt://h"), &ConnectProgress::new())).await.unwrap_err()
    }
    let closed = ConnectError::Proxy(ProxyError::Closed);
    assert_eq!(answer(b"HTTP/1.1 200 OK\r\n", 1).await, closed);
    assert_eq!(closed.to_string(), "the proxy closed the connection");
    // 16 KiB without an end are read, and no byte more.
    assert_eq!(answer(b"x", (16 << 10) - 1).await, closed);
    assert_eq!(answer(b"x", 16 << 10).await, ConnectError::Proxy(ProxyError::NotAProxy));
}

#[test]
fn proxy_urls() {
    for (text, expected) in [
        ("socks5h://p", "Socks5 { resolve_here: false }, host: Name(\"p\"), port: 1080"),
        ("SOCKS5://p:1", "Socks5 { resolve_here: true }, host: Name(\"p\"), port: 1"),
        ("http://p/", "Http, host: Name(\"p\"), port: 80"),
    ] {
        let shown = format!("{:?}", Proxy::parse(text).unwrap());
        assert!(shown.contains(expected), "{shown}");
    }
    let secret = Proxy::parse("http://t0ken:s3cret@p").unwrap();
    let shown = format!("{secret:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
    for (text, expected) in [
        ("socks4://p", "unknown proxy scheme 'socks4'; known are socks5h, socks5 and http"),
        ("http://", "the URL has no host; write it like mqtt://broker.example"),
        (
            "http://p/x",
            "the URL has a path, which this scheme can't use; \
             paths are for ws:// and wss://; remove it",
        ),
        (
            "http://u:a/b@p",
            "the URL's user name or password has '/', '?' or '#' in it; \
             write '/' as %2F, '?' as %3F and '#' as %23",
        ),
    ] {
        assert_eq!(Proxy::parse(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn credentials_that_the_protocol_can_not_carry() {
    let check = |proxy: &str| {
        let mut options = TransportOptions::default();
        options.proxy = Some(Proxy::parse(proxy).unwrap());
        Opener::new(options).check(&endpoint("mqtt://h"))
    };
    let long = |length| "x".repeat(length);
    assert_eq!(check(&format!("socks5h://{}:{}@p", long(255), long(255))), Ok(()));
    for proxy in [
        format!("socks5h://{}:p@p", long(256)),
        format!("socks5h://u:{}@p", long(256)),
        "socks5h://u@p".to_owned(),
        "socks5h://:p@p".to_owned(),
        "http://u%3a:p@p".to_owned(),
    ] {
        assert_eq!(check(&proxy), Err(ConfigError::ProxyCredentials), "{proxy}");
    }
    assert_eq!(
        ConfigError::ProxyCredentials.to_string(),
        "the proxy's user name or password does not fit its protocol; \
         SOCKS5 allows 1 to 255 bytes for each, HTTP no ':' in the user name"
    );
}
