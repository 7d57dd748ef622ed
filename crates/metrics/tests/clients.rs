//! Real clients at a real broker, as their metrics and their health show them.

use std::time::Duration;

use evenkeel::config::Reconnect;
use evenkeel::{Client, QoS, State};
use evenkeel_broker::Broker;
use evenkeel_broker::fault::Script;
use evenkeel_metrics::{AddError, Clients, Health, Kind, families};
use tokio::time::{sleep, timeout};

async fn broker() -> Broker {
    Broker::builder().bind_tcp("127.0.0.1:0").start().await.unwrap()
}

async fn online(broker: &Broker, id: &str) -> Client {
    let client = start(broker, id);
    soon(client.online()).await.unwrap();
    client
}

fn start(broker: &Broker, id: &str) -> Client {
    let mut policy = Reconnect::default();
    // Long enough to look at a client that waits.
    policy.base = Duration::from_secs(3600);
    policy.cap = Duration::from_secs(3600);
    Client::builder(broker.url()).client_id(id).reconnect(policy).start().unwrap()
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("nothing happened for 20 s")
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if is_so() {
            return;
        }
        // Nobody tells when it is so.
        sleep(Duration::from_millis(10)).await;
    }
    panic!("never so: {what}");
}

/// The value of the one line that begins so.
fn value(clients: &Clients, sample: &str) -> Option<u64> {
    let (text, start) = (clients.to_text(), format!("{sample} "));
    let mut values = text.lines().filter_map(|line| line.strip_prefix(&start));
    let value = values.next()?.parse().unwrap();
    assert_eq!(values.next(), None, "{sample} is there twice");
    Some(value)
}

#[tokio::test]
async fn a_client_shows_what_it_does() {
    let broker = broker().await;
    let clients = Clients::new();
    let client = online(&broker, "secret-id").await;
    clients.add("pump", &client).unwrap();
    let online = "evenkeel_state{client=\"pump\",class=\"online\"}";
    assert_eq!(value(&clients, online), Some(1));
    assert!(client.probe());
    until("the ping is answered", || client.stats().pongs == 1).await;
    let publish = client.publish("secret/topic", "x").qos(QoS::AtLeastOnce);
    soon(publish.await.unwrap()).await.unwrap();
    for (sample, wanted) in [
        ("evenkeel_pings_sent_total", 1),
        ("evenkeel_pongs_total", 1),
        ("evenkeel_ping_round_trip_seconds_count", 1),
        ("evenkeel_acknowledgement_seconds_count", 1),
        ("evenkeel_publishes_acknowledged_total", 1),
        ("evenkeel_connections_total", 1),
        ("evenkeel_store_ok", 1),
    ] {
        assert_eq!(value(&clients, &format!("{sample}{{client=\"pump\"}}")), Some(wanted));
    }
    assert!(!clients.to_text().contains("secret"), "only the name that was given");
    let health = clients.health();
    assert_eq!((health.live, health.ready, health.cause()), (true, true, None));

    broker.stop(false).await.unwrap();
    until("it waits", || !client.state().is_online()).await;
    assert_eq!(value(&clients, online), Some(0));
    assert_eq!(value(&clients, "evenkeel_state{client=\"pump\",class=\"waiting\"}"), Some(1));
    assert_eq!(value(&clients, "evenkeel_ends_total{client=\"pump\",class=\"network\"}"), Some(1));
    let health = clients.health();
    assert_eq!((health.live, health.ready, health.is_degraded()), (true, false, true));
    let cause = health.cause().unwrap();
    assert!(cause.starts_with("pump: waiting for attempt "), "{cause}");
    assert!(cause.contains(", due in 3") || cause.contains(", due in 2"), "{cause}");
    assert!(
        cause.ends_with("(the server closed the connection)") || cause.contains("reset"),
        "{cause}"
    );

    client.shutdown(Duration::ZERO).await;
    let health = clients.health();
    assert_eq!((health.live, health.ready), (false, false));
    assert_eq!(health.cause().unwrap(), "pump: closed: its task has ended");
}

#[tokio::test]
async fn what_a_server_says_is_not_in_its_health() {
    let script =
        Script::parse("[[rule]]\nreceived = \"CONNECT\"\naction = { refuse = { code = 0x87 } }\n");
    let builder = Broker::builder().script(script.unwrap()).bind_tcp("127.0.0.1:0");
    let broker = builder.start().await.unwrap();
    let client = start(&broker, "id");
    soon(client.try_online()).await.unwrap_err();
    let clients = Clients::new();
    clients.add("pump", &client).unwrap();
    until("it rests", || !matches!(client.state(), State::Connecting { .. })).await;
    let cause = clients.health().cause().unwrap();
    let end = "(the server refused the connection: Not authorized (0x87))";
    assert!(cause.ends_with(end), "{cause}");
}

#[tokio::test]
async fn a_client_that_went_leaves_its_counts_to_its_name() {
    let broker = broker().await;
    let clients = Clients::new();
    let (first, second) = (online(&broker, "a").await, online(&broker, "b").await);
    clients.add("pump", &first).unwrap();
    clients.add("pump", &second).unwrap();
    let (count, state) = (
        "evenkeel_connections_total{client=\"pump\"}",
        "evenkeel_state{client=\"pump\",class=\"online\"}",
    );
    assert_eq!((value(&clients, count), value(&clients, state)), (Some(2), Some(2)));

    let observer = first.observer();
    drop(first);
    soon(until("it is over", || observer.is_over())).await;
    assert_eq!((value(&clients, count), value(&clients, state)), (Some(2), Some(1)));
    assert_eq!(clients.health().clients, 1);

    assert!(clients.remove(&second));
    assert!(!clients.remove(&second), "it was there once");
    assert_eq!((value(&clients, count), value(&clients, state)), (None, None));
    let health = clients.health();
    assert_eq!((health.clients, health.ready), (0, false));
    assert_eq!(health.cause().unwrap(), "there is no client");

    clients.add("pump", &second).unwrap();
    assert_eq!(value(&clients, count), Some(3), "it never falls");
}

#[tokio::test]
async fn names_past_the_bound_are_other_and_stay_it() {
    let broker = broker().await;
    let clients = Clients::with_names(2);
    let mut all = Vec::new();
    for name in ["b", "a", "d", "c", "a"] {
        let client = start(&broker, &format!("id-{}", all.len()));
        clients.add(name, &client).unwrap();
        all.push(client);
    }
    let connecting = |clients: &Clients| {
        let states = families().iter().find(|family| family.name == "evenkeel_state").unwrap();
        let reading = clients.read();
        let mut names: Vec<_> =
            reading.samples(states).iter().map(|sample| sample.client.to_owned()).collect();
        names.dedup();
        names
    };
    assert_eq!(connecting(&clients), ["a", "b", "other"]);
    for client in &all {
        soon(client.online()).await.unwrap();
    }
    let online =
        |name| value(&clients, &format!("evenkeel_state{{client=\"{name}\",class=\"online\"}}"));
    assert_eq!(["a", "b", "other", "c"].map(online), [Some(2), Some(1), Some(2), None]);
    // The name of one that goes is free for its like only.
    assert!(clients.remove(&all[0]));
    clients.add("e", &all[0]).unwrap();
    assert_eq!(connecting(&clients), ["a", "other"]);
    clients.remove(&all[0]);
    clients.add("b", &all[0]).unwrap();
    assert_eq!(connecting(&clients), ["a", "b", "other"]);
}

#[tokio::test]
async fn a_client_is_added_once_and_by_a_name_that_can_be_one() {
    let broker = broker().await;
    let (clients, client) = (Clients::new(), start(&broker, "id"));
    assert_eq!(clients.add("", &client), Err(AddError::Empty));
    assert_eq!(clients.add("other", &client), Err(AddError::Reserved));
    clients.add("pump", &client).unwrap();
    assert_eq!(clients.add("pump", &client), Err(AddError::Known));
    assert_eq!(clients.health().clients, 1);
}

#[tokio::test]
async fn clients_that_come_and_go_unread_are_let_go() {
    let broker = broker().await;
    let clients = Clients::new();
    for number in 0..300 {
        let client = start(&broker, &format!("id-{number}"));
        clients.add("pump", &client).unwrap();
        client.shutdown(Duration::ZERO).await;
    }
    let shown = format!("{clients:?}");
    let count: usize =
        shown.split(|c: char| !c.is_ascii_digit()).find_map(|it| it.parse().ok()).unwrap();
    assert!(count < 100, "{shown}");
    assert_eq!(value(&clients, "evenkeel_connects_total{client=\"pump\"}"), None, "all have gone");
}

#[tokio::test]
async fn health_is_told_as_json_and_of_a_hundred_at_most() {
    let broker = broker().await;
    let clients = Clients::new();
    let mut all = Vec::new();
    for number in 0..103 {
        let client = start(&broker, &format!("id-{number}"));
        client.shutdown(Duration::ZERO).await;
        clients.add("pump", &client).unwrap();
        all.push(client);
    }
    let health = clients.health();
    assert_eq!((health.troubles.len(), health.untold), (100, 3));
    let cause = health.cause().unwrap();
    assert_eq!(cause, "pump: closed: its task has ended; and 102 others have trouble");
    let json = health.to_json();
    let start =
        "{\"v\":1,\"live\":false,\"ready\":false,\"degraded\":true,\"cause\":\"pump: closed: ";
    assert!(json.starts_with(start), "{json}");
    let end = "{\"client\":\"pump\",\"cause\":\"closed: its task has ended\"}],\"untold\":3}";
    assert!(json.ends_with(end), "{json}");
    let well = Health::without_clients();
    assert_eq!((well.ready, well.is_degraded()), (true, false));
}

/// The page for people has every metric.
#[test]
fn each_metric_is_in_the_documentation() {
    let page = include_str!("../../../docs/monitoring.md");
    for family in families() {
        let end = if family.kind == Kind::Counter { "_total" } else { "" };
        let (plain, classed) =
            (format!("`{}{end}`", family.name), format!("`{}{end}{{", family.name));
        assert!(page.contains(&plain) || page.contains(&classed), "{plain}");
    }
}
