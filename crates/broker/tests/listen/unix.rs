//! Clients over socket files.

use evenkeel_broker::Broker;
use evenkeel_codec::{QoS, Version};
use tokio::net::UnixStream;

use crate::client::*;

#[tokio::test]
async fn a_unix_socket_comes_and_goes_with_the_broker() {
    let folder = std::env::temp_dir().join(format!("evenkeel-unix-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("broker.sock");
    // What a killed broker leaves behind is in nobody's way.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let broker = Broker::builder().bind_unix(&path).start().await.unwrap();
    assert_eq!(broker.url(), format!("mqtt+unix://{}", path.display()));
    assert_eq!(broker.unix_path(), Some(path.as_path()));
    let stream = UnixStream::connect(&path).await.unwrap();
    let (mut client, _) = Client::connect(stream, Version::V5, "a").await;
    client.subscribe("t", QoS::AtLeastOnce).await;
    client.echo("t", &[7; 100_000]).await;

    broker.stop(true).await.unwrap();
    assert!(!path.exists());
    broker.resume().await.unwrap();
    let stream = UnixStream::connect(&path).await.unwrap();
    let (_, connack) = Client::connect(stream, Version::V5, "a").await;
    assert!(connack.session_present);
    drop(broker);
    assert!(!path.exists());

    let file = folder.join("precious");
    std::fs::write(&file, "keep me").unwrap();
    let error = Broker::builder().bind_unix(&file).start().await.unwrap_err();
    assert!(error.to_string().contains("precious"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "keep me");
    std::fs::remove_dir_all(&folder).unwrap();
}
