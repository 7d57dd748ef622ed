//! Rates of a profile, and an account's that are shared.

use std::time::Duration;

use evenkeel_proto::profile::{Profile, aws_iot_core};
use evenkeel_proto::{Config, ConfigError, RateLimit, SetBy};

use crate::support::*;

fn obeying(toml: &str, set: impl FnOnce(&mut Config)) -> Config {
    let toml = format!("name = 'x'\nbased_on = 'none'\n{toml}");
    let mut config = Config::default();
    set(&mut config);
    config.obey(&Profile::from_toml(&toml).unwrap()).unwrap();
    config
}

fn of(limit: &RateLimit) -> (&str, u32, Duration) {
    (limit.name.as_ref(), limit.amount, limit.period)
}

/// P1, P3.
#[test]
fn each_rate_of_a_profile_is_in_force_with_its_source() {
    let config = obeying(
        "publish.publish_rate = { value = { amount = 2, period = 3 }, source = 'the manual' }
         publish.publish_rates.value = [{ amount = 4, period = 5 }, { amount = 6, period = 7 }]
         publish.publish_rate_per_topic.value = { amount = 8, period = 9 }
         connection.byte_rate.value = { amount = 10, period = 11 }
         subscribe.subscribe_packet_rate.value = { amount = 12, period = 13 }",
        |_| {},
    );
    let rates: Vec<_> = config.rates.iter().map(of).collect();
    assert_eq!(
        rates,
        [
            ("publish_rate", 2, secs(3)),
            ("publish_rates", 4, secs(5)),
            ("publish_rates", 6, secs(7)),
            ("publish_rate_per_topic", 8, secs(9)),
            ("byte_rate", 10, secs(11)),
            ("subscribe_packet_rate", 12, secs(13)),
        ]
    );
    assert!(config.rates.iter().all(|limit| limit.set_by == SetBy::Profile));
    assert_eq!(config.rates.publish[0].source, "the manual");
}

#[test]
fn a_rate_of_the_application_stays_if_it_keeps_within_the_profiles() {
    let own = |amount, period| RateLimit::new("own", amount, period);
    for (amount, period, stays) in
        [(10, secs(1), true), (9, secs(2), true), (11, secs(1), false), (9, millis(999), false)]
    {
        let toml = "connection.byte_rate.value = { amount = 10, period = 1 }";
        let config = obeying(toml, |config| config.rates.bytes = Some(own(amount, period)));
        let set_by = if stays { SetBy::Client } else { SetBy::Profile };
        assert_eq!(config.rates.bytes.unwrap().set_by, set_by, "{amount} in {period:?}");
    }
    let toml = "publish.publish_rate.value = { amount = 10, period = 1 }";
    let config = obeying(toml, |config| config.rates.publish.push(own(1, secs(9))));
    assert_eq!(config.rates.publish.len(), 2, "both hold");
}

/// Nobody here knows the other clients of the account.
#[test]
fn rates_of_an_account_are_applied_on_request_alone() {
    let toml = "subscribe.account_subscribe_rate.value = { amount = 500, period = 1 }";
    assert!(obeying(toml, |_| {}).rates.is_empty());
    for (clients, amount, period) in [
        (1, 500, secs(1)),
        (7, 71, secs(1)),
        (500, 1, secs(1)),
        (501, 1, millis(1002)),
        (10_000, 1, secs(20)),
    ] {
        let config = obeying(toml, |config| config.bounds.account_share = Some(clients));
        let limit = config.rates.subscribe_filters.unwrap();
        assert_eq!(of(&limit), ("account_subscribe_rate", amount, period), "{clients}");
    }
    let mut config = Config::default();
    config.bounds.account_share = Some(0);
    assert_eq!(config.validate(), Err(ConfigError::Rate));
}

/// R2: no window of the budget, nor any of the rate, holds more than before.
#[test]
fn a_share_of_the_connects_of_an_account_tightens_their_budget() {
    let toml = "connection.account_connect_rate.value = { amount = 500, period = 1 }";
    let unshared = obeying(toml, |_| {}).reconnect;
    assert_eq!((unshared.budget, unshared.budget_window), (Some(8), secs(60)));
    for (clients, own, budget, window) in [
        // 8 a minute are fewer than 500 a second, and 5 fewer than 8.
        (1, Some(8), 8, secs(60)),
        (100, Some(8), 5, secs(60)),
        // One in 7 s could be 9 in a minute, one in 7.5 s is 8 at most.
        (3500, Some(8), 1, secs(60)),
        (3750, Some(8), 1, millis(7500)),
        (10_000, Some(8), 1, secs(20)),
        (60_000, Some(8), 1, secs(120)),
        (60_000, Some(1), 1, secs(120)),
        (100, None, 5, secs(1)),
    ] {
        let policy = obeying(toml, |config| {
            config.bounds.account_share = Some(clients);
            config.reconnect.budget = own;
        })
        .reconnect;
        let found = (policy.budget, policy.budget_window);
        assert_eq!(found, (Some(budget), window), "{clients} {own:?}");
    }
}

#[test]
fn aws_iot_core_has_its_rates() {
    let mut config = Config::default();
    config.obey(&aws_iot_core()).unwrap();
    let rates: Vec<_> = config.rates.iter().map(of).collect();
    assert_eq!(rates, [("publish_rate", 100, secs(1)), ("byte_rate", 512 << 10, secs(1))]);
}
