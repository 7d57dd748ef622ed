//! A profile's limits through the library: what is refused, and what it says.

use evenkeel::error::{
    BuildError, ConfigError, OperationError, PublishError, PublishLimit, RejectReason,
    SubscribeError,
};
use evenkeel::profile::Profile;
use evenkeel::{SetBy, Will};

use crate::support::*;

fn profile(limits: &str) -> Profile {
    Profile::from_toml(&format!("name = 'x'\nbased_on = 'none'\n{limits}")).unwrap()
}

/// P3: whoever publishes too much hears which limit it was, and where it is from.
#[tokio::test(start_paused = true)]
async fn a_message_beyond_the_limit_is_refused_at_once() {
    let limits = "publish.maximum_payload_size = { value = 3, source = 'the vendor' }\n";
    for version in [Version::V311, Version::V5] {
        let limits = profile(limits);
        let (client, _server, mut peer) = online(version, |it| it.profile(limits)).await;
        let refused = client.publish("a", "1234").qos(AtLeastOnce).await.unwrap_err();
        let PublishError::Rejected(RejectReason::NotAllowed(PublishLimit::Profile(broken))) =
            &refused
        else {
            panic!("{refused:?}")
        };
        assert_eq!((broken.limit, &*broken.value), ("maximum_payload_size", "3 B"));
        assert_eq!(
            format!("{refused:#}"),
            "a payload of 4 B breaks maximum_payload_size of the profile, 3 B (the vendor); \
             hint: ask for less, or give a profile that allows more"
        );
        drop(client.publish("a", "123").await.unwrap());
        assert_eq!(&peer.expect_publish().await.payload[..], b"123");
        let size = client.limits().unwrap().payload_size;
        assert_eq!((size.value, size.set_by), (3, SetBy::Profile));
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_beyond_the_limit_is_refused_at_once() {
    let limits = "subscribe.wildcards_available.value = false\n";
    let (client, _server, mut peer) = online(Version::V5, |it| it.profile(profile(limits))).await;
    let refused = client.subscribe("a/#").await.unwrap_err();
    let SubscribeError::Operation(OperationError::NotAllowed(PublishLimit::Profile(broken))) =
        &refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(broken.limit, "wildcards_available");
    peer.grant(&client, "a", AtLeastOnce).await;
}

#[tokio::test]
async fn a_setting_beyond_the_limit_starts_no_client() {
    let limits = "publish.maximum_qos.value = 1\n\
                  connection.client_id_reserved_prefix.value = '$'\n";
    let builder = || Server::new().client().profile(profile(limits));
    let limit = |started: Result<Client, BuildError>| match started {
        Err(BuildError::Config(ConfigError::Profile(broken))) => Some(broken.limit),
        Err(other) => panic!("{other}"),
        Ok(_) => None,
    };
    let will = |qos| Will::new("a", "gone").qos(qos);
    assert_eq!(limit(builder().will(will(AtLeastOnce)).start()), None);
    assert_eq!(limit(builder().will(will(ExactlyOnce)).start()), Some("maximum_qos"));
    assert_eq!(limit(builder().client_id("$a").start()), Some("client_id_reserved_prefix"));
}

/// Clients that share a builder make an identifier each.
#[tokio::test(start_paused = true)]
async fn each_client_without_an_identifier_makes_its_own() {
    let limits = "connection.assigned_client_id_reusable.value = false\n";
    let mut server = Server::new();
    let builder = server.client().client_id("").profile(profile(limits));
    let _clients = [builder.clone().seed(1).start().unwrap(), builder.seed(2).start().unwrap()];
    let first = server.connecting().await.1.client_id;
    let second = server.connecting().await.1.client_id;
    assert_eq!((first.len(), second.len()), (36, 36));
    assert_ne!(first, second);
}
