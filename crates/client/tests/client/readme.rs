//! What the README's program says if it does not come online: what is wrong, and
//! what to do about it.

use evenkeel_broker::{Broker, Tls, Users};
use tokio::net::TcpListener;

use crate::support::*;

/// What the program prints, with its own way to do so.
async fn first_words(builder: ClientBuilder) -> String {
    let client = builder.client_id("pump-17").start().unwrap();
    let why = within_20_s(client.try_online()).await.unwrap_err();
    format!("{why:#}")
}

#[tokio::test]
async fn a_wrong_password() {
    let users = Users::parse("pump:right").unwrap();
    let broker = Broker::builder().configure(|config| config.access.users = Some(users));
    let broker = broker.bind_tcp("127.0.0.1:0").start().await.unwrap();
    let builder = Client::builder(broker.url()).username("pump").password("wrong");
    assert_eq!(
        first_words(builder).await,
        "the server refused the connection: Bad User Name or Password (0x86); check user name and \
         password, and what the server allows this client"
    );
}

#[tokio::test]
async fn a_port_where_nobody_listens() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let words = first_words(Client::builder(format!("mqtt://{address}"))).await;
    let refused = format!("cannot connect to {address} (Connection refused (os error 111))");
    assert!(words.starts_with(&refused), "{words}");
    assert!(words.ends_with("; check the port, and that the broker listens"), "{words}");
}

#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
#[tokio::test]
async fn a_port_for_tls_without_tls() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = Tls::from_pem(chain.as_bytes(), key.as_bytes(), None).unwrap();
    let broker = Broker::builder().bind_tls("127.0.0.1:0", tls).start().await.unwrap();
    let address = broker.tls_addr().unwrap();
    assert_eq!(
        first_words(Client::builder(format!("mqtt://{address}"))).await,
        "the server answered in TLS, not in MQTT: the port is one for TLS; connect with TLS: \
         mqtts:// or wss://"
    );
}

/// The time-out is a real one, as real sockets are: short, and nothing else depends on it.
#[tokio::test]
async fn a_broker_that_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mqtt://{}", listener.local_addr().unwrap());
    assert_eq!(
        first_words(Client::builder(url).connect_timeout(millis(200))).await,
        "no connection within 200ms, ran out while waiting for CONNACK; check that the port is one \
         for MQTT"
    );
}
