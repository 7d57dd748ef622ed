//! Rates, which the core paces.

use evenkeel_profile::{Limit, Profile, Rate};

use crate::config::Config;
use crate::limits::SetBy;
use crate::pace::RateLimit;
use crate::reconnect::Reconnect;

pub(super) fn obey(config: &mut Config, profile: &Profile) {
    let rates = &mut config.rates;
    if let Some(limit) = &profile.publish.publish_rate {
        rates.publish.push(paced("publish_rate", limit.value, limit));
    }
    if let Some(limit) = &profile.publish.publish_rates {
        let further = limit.value.0.iter();
        rates.publish.extend(further.map(|rate| paced("publish_rates", *rate, limit)));
    }
    let per_topic = profile.publish.publish_rate_per_topic.as_ref();
    tighten(&mut rates.publish_per_topic, "publish_rate_per_topic", per_topic);
    tighten(&mut rates.bytes, "byte_rate", profile.connection.byte_rate.as_ref());
    let packets = profile.subscribe.subscribe_packet_rate.as_ref();
    tighten(&mut rates.subscribe_packets, "subscribe_packet_rate", packets);
    if let Some(clients) = config.bounds.account_share {
        if let Some(limit) = &profile.subscribe.account_subscribe_rate {
            let limit = Limit { value: share(limit.value, clients), ..limit.clone() };
            tighten(&mut rates.subscribe_filters, "account_subscribe_rate", Some(&limit));
        }
        if let Some(rate) = profile.account_connect_rate() {
            keep_connects(&mut config.reconnect, share(rate, clients));
        }
    }
}

/// The budget of CONNECTs holds what it did and the rate (R2).
fn keep_connects(policy: &mut Reconnect, rate: Rate) {
    let Rate { amount, period } = rate;
    let windows = policy.budget_window.as_nanos().div_ceil(period.as_nanos().max(1));
    let implies = |budget: u32| u128::from(amount).saturating_mul(windows) <= budget.into();
    match policy.budget {
        // So many in each period are few enough in the whole window.
        Some(budget) if !implies(budget) => {
            policy.budget = Some(budget.min(amount));
            policy.budget_window = policy.budget_window.max(period);
        }
        _ => (policy.budget, policy.budget_window) = (Some(amount), period),
    }
}

/// The rate of the profile, unless the application's own keeps within it.
fn tighten(own: &mut Option<RateLimit>, name: &'static str, limit: Option<&Limit<Rate>>) {
    let Some(limit) = limit else { return };
    let rate = limit.value;
    let is_stricter = |own: &RateLimit| own.amount <= rate.amount && own.period >= rate.period;
    if !own.as_ref().is_some_and(is_stricter) {
        *own = Some(paced(name, rate, limit));
    }
}

fn paced<T>(name: &'static str, rate: Rate, of: &Limit<T>) -> RateLimit {
    let limit = RateLimit::new(name, rate.amount, rate.period);
    RateLimit { set_by: SetBy::Profile, source: of.source.clone(), ..limit }
}

/// What one of so many clients may use: a part of the amount, or 1 in a longer
/// time if that would be less.
fn share(rate: Rate, clients: u32) -> Rate {
    match rate.amount.checked_div(clients) {
        Some(0) => {
            let period = rate.period.saturating_mul(clients) / rate.amount.max(1);
            Rate { amount: 1, period }
        }
        // A share of none is refused with the rest of the configuration.
        None => Rate { amount: 0, ..rate },
        Some(amount) => Rate { amount, ..rate },
    }
}
