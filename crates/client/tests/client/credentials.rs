//! The hooks for credentials and endpoint: asked before every attempt, within a
//! time-out of their own and the connect time-out (R8).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use evenkeel::transport::Endpoint;
use evenkeel::{Credentials, CredentialsError, EndpointError, Event, Reconnect, TransportError};

use crate::support::*;

/// A hook that counts, and gives each attempt its own password.
fn numbered() -> (Arc<AtomicU32>, impl Fn() -> std::future::Ready<Answer> + Send + Sync) {
    let asked = Arc::new(AtomicU32::new(0));
    let counter = asked.clone();
    let hook = move || {
        let number = counter.fetch_add(1, Ordering::Relaxed) + 1;
        std::future::ready(Ok(Credentials::new("boat", format!("secret {number}"))))
    };
    (asked, hook)
}

type Answer = Result<Credentials, CredentialsError>;

#[tokio::test(start_paused = true)]
async fn each_attempt_has_fresh_credentials() {
    let (asked, hook) = numbered();
    let mut server = Server::new();
    let client = server.client().username("configured").credentials(hook).start().unwrap();
    for number in 1..=3 {
        let (_peer, connect) = server.connecting().await;
        assert_eq!(connect.username, Some(text("boat")));
        assert_eq!(connect.password.unwrap(), format!("secret {number}").as_bytes());
        assert_eq!(asked.load(Ordering::Relaxed), number);
    }
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_fails_is_asked_again_and_its_words_are_told() {
    let attempts = AtomicU32::new(0);
    let hook = move || {
        let first = attempts.fetch_add(1, Ordering::Relaxed) == 0;
        std::future::ready(if first {
            Err(CredentialsError("the vault is sealed".to_owned()))
        } else {
            Ok(Credentials::new("boat", "secret"))
        })
    };
    let mut server = Server::new();
    let client = server.client().credentials(hook).start().unwrap();
    let mut events = client.events();
    let _peer = server.online().await;
    let report = loop {
        let report = soon(events.next()).await.unwrap();
        if matches!(report.event, Event::Disconnected { .. }) {
            break report;
        }
    };
    let error = report.error.unwrap();
    assert_eq!(*error, TransportError::Credentials(CredentialsError("the vault is sealed".into())));
    assert_eq!(error.to_string(), "no credentials: the vault is sealed");
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_never_answers_runs_into_the_connect_time_out() {
    let server = Server::new();
    let client = server.client().credentials(std::future::pending).connect_timeout(secs(4));
    let client = client.reconnect(Reconnect::never()).start().unwrap();
    let begun = tokio::time::Instant::now();
    let error = soon(client.online()).await.unwrap_err();
    let expected = "no connection within 4s, ran out while waiting for credentials";
    assert_eq!((error.to_string().as_str(), begun.elapsed().as_secs()), (expected, 4));
}

#[tokio::test(start_paused = true)]
async fn credentials_that_no_packet_can_hold_are_an_error_of_their_own() {
    let server = Server::new();
    let bad = || std::future::ready(Ok(Credentials::new("bo\0at", "secret")));
    let client = server.client().credentials(bad).reconnect(Reconnect::never()).start().unwrap();
    let error = soon(client.online()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no credentials: user name: string holds the null character U+0000"
    );
}

#[tokio::test(start_paused = true)]
async fn a_password_that_no_packet_can_hold_is_refused_where_it_is_set() {
    let server = Server::new();
    let long = |length: usize| vec![b'x'; length];
    let built = server.client().username("ann").password(long(65_536)).start();
    let error = built.map(drop).unwrap_err();
    assert_eq!(error.to_string(), "the password has 65536 bytes, and MQTT takes 65535 at most");
    assert!(server.client().username("ann").password(long(65_535)).start().is_ok());
    let hook = move || std::future::ready(Ok(Credentials::new("ann", long(65_536))));
    let client = server.client().credentials(hook).reconnect(Reconnect::never()).start().unwrap();
    let error = soon(client.online()).await.unwrap_err();
    let text = "no credentials: the password has 65536 bytes, and MQTT takes 65535 at most";
    assert_eq!(error.to_string(), text);
}

/// The words of one failure are not those of the next.
#[tokio::test(start_paused = true)]
async fn a_password_without_user_name_is_no_failure_of_the_hook() {
    let attempts = AtomicU32::new(0);
    let hook = move || {
        let first = attempts.fetch_add(1, Ordering::Relaxed) == 0;
        std::future::ready(if first {
            Err(CredentialsError("the vault is sealed".to_owned()))
        } else {
            Ok(Credentials { username: None, password: Some("secret".into()) })
        })
    };
    let server = Server::new();
    let client = server.client().version(Version::V311).credentials(hook).start().unwrap();
    let error = soon(client.online()).await.unwrap_err().to_string();
    assert!(error.starts_with("the settings make connecting impossible"), "{error}");
}

#[tokio::test]
async fn those_of_the_url_are_used_for_its_server() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mqtt://anna:p%40ss@{}", listener.local_addr().unwrap());
    let client = Client::builder(url).username("other").start().unwrap();
    let mut peer = Peer::new(within_20_s(listener.accept()).await.unwrap().0);
    let connect = peer.expect_connect().await;
    assert_eq!((connect.username, connect.password), (Some(text("anna")), Some("p@ss".into())));
    drop(client);
}

/// R12: a token in a file that something else renews.
#[tokio::test(start_paused = true)]
async fn the_password_file_is_read_for_each_attempt() {
    let path = std::env::temp_dir().join(format!("evenkeel-{}-password", std::process::id()));
    let long = "x".repeat(65_535);
    let mut server = Server::new();
    std::fs::write(&path, "one").unwrap();
    let client = server.client().username("boat").password("configured").password_file(&path);
    let client = client.start().unwrap();
    for (line, password) in [
        ("one", "one"),
        ("two\r\nrest", "two"),
        (" three \n", " three "),
        (&format!("{long}\n"), &long),
        (&long, &long),
    ] {
        std::fs::write(&path, line).unwrap();
        let (_peer, connect) = server.connecting().await;
        assert_eq!(connect.username, Some(text("boat")));
        assert_eq!(connect.password.unwrap(), password.as_bytes());
    }
    // While it can't be used, attempts fail and say why.
    let shown = path.display();
    for (line, why) in [
        (Some(""), format!("the password file '{shown}' is empty")),
        (Some("\nrest"), format!("the password file '{shown}' is empty")),
        (
            Some(&*format!("{long}x\n")),
            format!("the password file '{shown}' has a first line of more than 65,535 bytes"),
        ),
        (None, format!("the password file '{shown}' cannot be read: ")),
    ] {
        match line {
            Some(line) => std::fs::write(&path, line).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let client = server.client().password_file(&path).reconnect(Reconnect::never());
        let error = soon(client.start().unwrap().online()).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("no credentials: {why}")), "{error}");
    }
    drop(client);
}

#[tokio::test]
async fn what_the_url_lacks_is_that_of_the_settings() {
    let path = std::env::temp_dir().join(format!("evenkeel-{}-lacking", std::process::id()));
    std::fs::write(&path, "of file").unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    for (user_info, has_file, expected) in [
        ("anna@", false, ("anna", "of settings")),
        ("anna@", true, ("anna", "of file")),
        ("", true, ("other", "of file")),
        (":p@", true, ("other", "p")),
        ("anna:p@", true, ("anna", "p")),
    ] {
        let client = Client::builder(format!("mqtt://{user_info}{address}"));
        let client = client.username("other").password("of settings");
        let client = if has_file { client.password_file(&path) } else { client };
        let client = client.start().unwrap();
        let mut peer = Peer::new(within_20_s(listener.accept()).await.unwrap().0);
        let connect = peer.expect_connect().await;
        let found = (connect.username.unwrap(), connect.password.unwrap());
        assert_eq!(found, (text(expected.0), expected.1.into()), "{user_info}");
        drop(client);
    }
    std::fs::remove_file(path).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_hook_has_a_time_out_of_its_own() {
    let server = Server::new();
    let client = server.client().credentials(std::future::pending).hook_timeout(secs(3));
    let client = client.reconnect(Reconnect::never()).start().unwrap();
    let begun = tokio::time::Instant::now();
    let error = soon(client.online()).await.unwrap_err();
    assert_eq!(error.to_string(), "no credentials: the hook gave no answer within 3s");
    assert_eq!(begun.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_asks_where_to_go() {
    let mut servers = [Server::new(), Server::new()];
    let places = servers.each_ref().map(Server::endpoint);
    let asked = AtomicU32::new(0);
    let hook = move |turn: Endpoint| {
        let number = asked.fetch_add(1, Ordering::Relaxed) as usize;
        assert_eq!(turn.to_string(), places[0].to_string());
        std::future::ready(Ok(places[number % 2].clone()))
    };
    let client = servers[0].client().endpoint(hook).start().unwrap();
    for number in [0, 1, 0] {
        drop(servers[number].connecting().await);
    }
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_not_told_is_an_error_of_its_own() {
    for (given, expected) in [
        (secs(3), "no endpoint: the hook gave no answer within 3s"),
        (secs(60), "no connection within 4s, ran out while waiting for the endpoint"),
    ] {
        let server = Server::new();
        let client = server.client().endpoint(|_| std::future::pending()).hook_timeout(given);
        let client = client.connect_timeout(secs(4)).reconnect(Reconnect::never());
        let error = soon(client.start().unwrap().online()).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let server = Server::new();
    let fails = |_| std::future::ready(Err(EndpointError("the directory is down".to_owned())));
    let client = server.client().endpoint(fails).reconnect(Reconnect::never()).start().unwrap();
    let error = soon(client.online()).await.unwrap_err();
    assert_eq!(error.to_string(), "no endpoint: the directory is down");
}
