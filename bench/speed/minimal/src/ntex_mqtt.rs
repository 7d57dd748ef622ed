//! `minimal-ntex-mqtt HOST:PORT`.

use ntex::service::ServiceFactory;
use ntex::service::cfg::SharedCfg;
use ntex_mqtt::v3::client::{Connect, MqttConnector};

#[ntex::main]
async fn main() {
    let address = std::env::args().nth(1).expect("HOST:PORT");
    let connector = MqttConnector::new().pipeline(SharedCfg::default()).await.expect("a connector");
    let client = connector.call(Connect::new(address).client_id("minimal")).await.expect("online");
    let sink = client.sink();
    ntex::rt::spawn(client.start_default());
    sink.publish("minimal").send_at_least_once("hello".into()).await.expect("acknowledged");
}
