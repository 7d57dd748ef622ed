//! Plain TCP.

use std::future::poll_fn;
use std::io::{IoSlice, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use evenkeel::transport::internals::Transport;
use evenkeel::transport::{ConfigError, ConnectError, TcpOptions, TransportOptions};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpListener;

use crate::support::{assert_echo, echo, endpoint, open, refusing_port, serve, soon, spin};

fn tcp_options(tcp: TcpOptions) -> TransportOptions {
    let mut options = TransportOptions::default();
    options.tcp = tcp;
    options
}

#[tokio::test]
async fn ipv4_and_ipv6_addresses() {
    for bind in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let Ok(listener) = TcpListener::bind((bind, 0)).await else {
            println!("skipped: this machine has no {bind}");
            continue;
        };
        let server = listener.local_addr().unwrap();
        tokio::spawn(async move { echo(listener.accept().await.unwrap().0).await });
        let mut stream =
            open(&format!("mqtt://{server}"), TransportOptions::default()).await.unwrap();
        assert_echo(&mut stream, &[1; 100_000]).await;
        assert_eq!(stream.addresses().unwrap().1, server);
    }
}

/// `localhost` often has both loopback addresses, of which only one listens here.
#[tokio::test]
async fn a_name_whose_first_address_may_refuse() {
    let port = serve(echo).await;
    let mut stream =
        open(&format!("tcp://localhost:{port}"), TransportOptions::default()).await.unwrap();
    assert_echo(&mut stream, b"hello").await;
}

#[tokio::test]
async fn a_refused_connection_names_the_address() {
    let port = refusing_port().await;
    let error = open(&format!("mqtt://127.0.0.1:{port}"), TransportOptions::default()).await;
    let error = error.unwrap_err();
    let ConnectError::Network { attempts } = &error else { panic!("{error:?}") };
    assert_eq!(attempts[0].address, SocketAddr::from(([127, 0, 0, 1], port)));
    assert_eq!(attempts[0].error.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(
        format!("{error:#}"),
        format!(
            "cannot connect to 127.0.0.1:{port} ({}); \
             check the port, and that the broker listens",
            attempts[0].error
        )
    );
}

/// A zone that no interface has is resolved, in vain, without asking any DNS server.
#[tokio::test]
async fn an_unresolvable_host_is_named() {
    let error = open("mqtt://[fe80::1%25nosuchif]", TransportOptions::default()).await.unwrap_err();
    let ConnectError::Resolve { host, error: Some(_) } = &error else { panic!("{error:?}") };
    assert_eq!(host, "fe80::1%nosuchif");
    let text = format!("{error:#}");
    assert!(text.starts_with("cannot resolve the host 'fe80::1%nosuchif': "), "{text}");
    assert!(text.ends_with("; check the name and this machine's DNS"), "{text}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_local_address_can_be_chosen() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = tcp_options(TcpOptions::new().bind_address([127, 0, 0, 2].into()));
    let url = format!("mqtt://127.0.0.1:{port}");
    let (stream, accepted) = tokio::join!(open(&url, options), listener.accept());
    assert_eq!(accepted.unwrap().1.ip(), IpAddr::from([127, 0, 0, 2]));
    assert_eq!(stream.unwrap().addresses().unwrap().0.ip(), IpAddr::from([127, 0, 0, 2]));
}

#[tokio::test]
async fn a_local_address_that_does_not_fit_is_explained() {
    let options = tcp_options(TcpOptions::new().bind_address(Ipv6Addr::LOCALHOST.into()));
    let error = open("mqtt://127.0.0.1:1", options).await.unwrap_err();
    let bind = IpAddr::V6(Ipv6Addr::LOCALHOST);
    assert_eq!(error, ConnectError::Config(ConfigError::BindFamily { bind }));
    assert_eq!(
        format!("{error:#}"),
        "the host has no address of the same family as the local address ::1; \
         bind an IPv4 address, or none"
    );
    // An address of documentation networks, which no machine has.
    let options = tcp_options(TcpOptions::new().bind_address([192, 0, 2, 1].into()));
    let error = open("mqtt://127.0.0.1:1", options).await.unwrap_err();
    assert_eq!(error.hint(), Some("check the local address to bind"));
}

/// A link-local address of this machine, with its interface.
#[cfg(target_os = "linux")]
fn link_local() -> Option<(Ipv6Addr, String)> {
    let list = std::fs::read_to_string("/proc/net/if_inet6").ok()?;
    list.lines().find_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let address = u128::from_str_radix(words.first()?, 16).ok()?;
        let is_link_local = Ipv6Addr::from(address).is_unicast_link_local();
        is_link_local.then(|| Some((address.into(), (*words.last()?).to_owned())))?
    })
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_link_local_address_keeps_its_interface() {
    let Some((address, interface)) = link_local() else {
        println!("skipped: this machine has no link-local address");
        return;
    };
    let listener = TcpListener::bind(format!("[{address}%{interface}]:0")).await;
    let listener = match listener {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind((format!("{address}%{interface}"), 0)).await.unwrap(),
    };
    let port = listener.local_addr().unwrap().port();
    let bound = TcpOptions::new().bind_address(address.into()).bind_zone(&interface);
    for (url, options) in [
        (format!("mqtt://[{address}%25{interface}]:{port}"), bound.clone()),
        // The interface of the local address serves for both.
        (format!("mqtt://[{address}]:{port}"), bound),
        (format!("mqtt://[{address}%25{interface}]:{port}"), TcpOptions::new()),
    ] {
        let (stream, accepted) =
            tokio::join!(open(&url, tcp_options(options)), soon(listener.accept()));
        let (local, _) = stream.unwrap().addresses().unwrap();
        assert_eq!(local.ip(), IpAddr::V6(address), "{url}");
        let SocketAddr::V6(peer) = accepted.unwrap().1 else { panic!("not IPv6") };
        assert_eq!(*peer.ip(), address);
        assert_ne!(peer.scope_id(), 0);
    }
}

#[tokio::test]
async fn a_link_local_address_without_interface_says_so() {
    let bind: Ipv6Addr = "fe80::1".parse().unwrap();
    let bound = TcpOptions::new().bind_address(bind.into());
    for (url, tcp, error, text) in [
        (
            "mqtt://[fe80::2%25lo]",
            bound.clone(),
            ConfigError::BindWithoutZone { bind },
            "the local address fe80::1 is link-local and names no interface; \
             write it with its interface, like fe80::1%eth0",
        ),
        (
            "mqtt://[febf:ffff::2]",
            TcpOptions::new(),
            ConfigError::HostWithoutZone { address: "febf:ffff::2".parse().unwrap() },
            "the host febf:ffff::2 is link-local and names no interface; \
             write it with the interface to it, like [fe80::1%25eth0] in a URL",
        ),
        (
            "mqtt://[::1]",
            TcpOptions::new().bind_zone("lo"),
            ConfigError::ZoneWithoutBind,
            "an interface is named without a link-local address to bind; \
             bind the interface's address in fe80::/10",
        ),
    ] {
        let result = open(url, tcp_options(tcp)).await.unwrap_err();
        assert_eq!(result, ConnectError::Config(error));
        assert_eq!(format!("{result:#}"), text);
    }
    // The neighbours of fe80::/10 need none.
    for host in ["fe7f::1", "fec0::1"] {
        let check = evenkeel::transport::internals::Opener::default();
        assert_eq!(check.check(&endpoint(&format!("mqtt://[{host}]"))), Ok(()));
    }
    let gone = bound.bind_zone("nosuchif");
    let error = open("mqtt://[fe80::2]", tcp_options(gone)).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoInterface { .. }), "{error:?}");
    let text = format!("{error:#}");
    let begin = "the interface of the local address fe80::1%nosuchif is not found: ";
    assert!(text.starts_with(begin), "{text}");
    assert!(text.ends_with("; check the interface's name, and that it is up"), "{text}");
}

#[tokio::test]
async fn a_vectored_write_is_one_write() {
    let port = serve(echo).await;
    let mut stream =
        open(&format!("mqtt://127.0.0.1:{port}"), TransportOptions::default()).await.unwrap();
    assert!(stream.is_write_vectored());
    let parts = [IoSlice::new(b"head"), IoSlice::new(b""), IoSlice::new(b"payload")];
    let written = poll_fn(|cx| Pin::new(&mut stream).poll_write_vectored(cx, &parts)).await;
    assert_eq!(written.unwrap(), 11);
    let mut back = [0; 11];
    soon(stream.read_exact(&mut back)).await.unwrap();
    assert_eq!(&back, b"headpayload");
}

#[tokio::test]
async fn the_peers_end_is_a_read_of_nothing() {
    let port = serve(|mut server| async move {
        server.write_all(b"x").await.unwrap();
    })
    .await;
    let mut stream =
        open(&format!("mqtt://127.0.0.1:{port}"), TransportOptions::default()).await.unwrap();
    let mut received = Vec::new();
    soon(stream.read_to_end(&mut received)).await.unwrap();
    assert_eq!(received, b"x");
}

fn read_once(stream: &mut Transport, thoroughly: bool) -> Poll<Vec<u8>> {
    let mut storage = [0; 16];
    let mut buffer = ReadBuf::new(&mut storage);
    let mut cx = Context::from_waker(Waker::noop());
    let stream = Pin::new(stream);
    let polled = if thoroughly {
        stream.poll_read_thoroughly(&mut cx, &mut buffer)
    } else {
        tokio::io::AsyncRead::poll_read(stream, &mut cx, &mut buffer)
    };
    polled.map(|result| {
        result.unwrap();
        buffer.filled().to_vec()
    })
}

/// The task never yields between the server's write and the reads, as after a stall: tokio's
/// reactor can't have seen the bytes. (K9: what has arrived is read before a link is judged.)
#[tokio::test]
async fn a_thorough_read_finds_what_the_reactor_has_not_seen() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut stream =
        open(&format!("mqtt://127.0.0.1:{port}"), TransportOptions::default()).await.unwrap();
    let (mut server, _) = listener.accept().unwrap();

    // Until tokio knows that there is nothing to read.
    while read_once(&mut stream, false).is_ready() {}
    assert_eq!(read_once(&mut stream, true), Poll::Pending);
    server.write_all(b"late").unwrap();
    let late = spin(|| {
        assert_eq!(read_once(&mut stream, false), Poll::Pending);
        read_once(&mut stream, true)
    });
    assert_eq!(late, b"late");
    assert_eq!(read_once(&mut stream, true), Poll::Pending);

    // The reactor still works afterwards, for bytes and for the end.
    server.write_all(b"more").unwrap();
    let mut back = [0; 4];
    soon(stream.read_exact(&mut back)).await.unwrap();
    assert_eq!(&back, b"more");
    while read_once(&mut stream, false).is_ready() {}
    drop(server);
    assert_eq!(spin(|| read_once(&mut stream, true)), b"");
}

#[tokio::test]
async fn readiness_needs_no_buffer() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut stream =
        open(&format!("mqtt://127.0.0.1:{port}"), TransportOptions::default()).await.unwrap();
    let (mut server, _) = listener.accept().unwrap();
    while read_once(&mut stream, false).is_ready() {}
    let mut cx = Context::from_waker(Waker::noop());
    assert!(stream.poll_read_ready(&mut cx).is_pending());
    server.write_all(b"x").unwrap();
    soon(poll_fn(|cx| stream.poll_read_ready(cx))).await.unwrap();
    assert_eq!(read_once(&mut stream, false), Poll::Ready(b"x".to_vec()));
}
