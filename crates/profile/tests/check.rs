//! A profile that no client could satisfy is refused, one step inside it is not.

use core::time::Duration;

use evenkeel_profile::{
    Inconsistency, KeepAliveRange, Limit, Profile, Rate, aws_iot_core, standard,
};

fn with<T>(limit: Option<Limit<T>>, value: T) -> Option<Limit<T>> {
    let Limit { source, confidence, on_break, on_break_v3, .. } = limit.expect("a limit to change");
    Some(Limit { value, source, confidence, on_break, on_break_v3 })
}

fn with_keep_alive(minimum: u16, maximum: u16) -> Profile {
    let mut profile = standard();
    let range = KeepAliveRange { minimum, maximum, zero_means: 0 };
    profile.connection.keep_alive = with(profile.connection.keep_alive, range);
    profile
}

#[test]
fn keep_alive_range_has_an_order_and_no_zero() {
    for (minimum, maximum) in [(0, 10), (11, 10), (0, 0)] {
        let refused = with_keep_alive(minimum, maximum).check();
        assert_eq!(refused, Err(Inconsistency::KeepAliveRange { minimum, maximum }));
    }
    for (minimum, maximum) in [(1, 1), (10, 10), (10, 11)] {
        assert_eq!(with_keep_alive(minimum, maximum).check(), Ok(()));
    }
}

#[test]
fn ping_spacing_stays_below_the_largest_grace() {
    let with_spacing = |spacing| {
        let mut profile = aws_iot_core();
        profile.connection.min_ping_spacing = with(profile.connection.min_ping_spacing, spacing);
        profile.check()
    };
    let grace = Duration::from_secs(1800);
    assert_eq!(with_spacing(grace - Duration::from_millis(1)), Ok(()));
    assert_eq!(with_spacing(grace), Err(Inconsistency::PingSpacing { spacing: grace, grace }));
}

#[test]
fn qos_ends_at_two() {
    let with_qos = |qos| {
        let mut profile = standard();
        profile.publish.maximum_qos = with(profile.publish.maximum_qos, qos);
        profile.check()
    };
    assert_eq!(with_qos(0), Ok(()));
    assert_eq!(with_qos(2), Ok(()));
    assert_eq!(with_qos(3), Err(Inconsistency::MaximumQoS { value: 3 }));
}

#[test]
fn limits_of_zero_are_refused() {
    type Change = fn(&mut Profile, bool);
    let changes: [(&str, Change); 7] = [
        ("maximum_packet_size_v5", |p, zero| {
            p.connection.maximum_packet_size_v5 =
                with(p.connection.maximum_packet_size_v5.take(), u32::from(!zero));
        }),
        ("filters_per_subscribe", |p, zero| {
            p.subscribe.filters_per_subscribe =
                with(p.subscribe.filters_per_subscribe.take(), u16::from(!zero));
        }),
        ("filters_per_unsubscribe", |p, zero| {
            p.subscribe.filters_per_unsubscribe =
                with(p.subscribe.filters_per_unsubscribe.take(), u16::from(!zero));
        }),
        ("receive_maximum", |p, zero| {
            p.publish.receive_maximum = with(p.publish.receive_maximum.take(), u16::from(!zero));
        }),
        ("publish_rate", |p, zero| {
            let rate = Rate::per_second(u32::from(!zero));
            p.publish.publish_rate = with(p.publish.publish_rate.take(), rate);
        }),
        ("byte_rate", |p, zero| {
            let period = Duration::from_nanos(u64::from(!zero));
            p.connection.byte_rate =
                with(p.connection.byte_rate.take(), Rate { amount: 1, period });
        }),
        ("account_subscribe_rate", |p, zero| {
            let rate = Rate::per_second(u32::from(!zero));
            p.subscribe.account_subscribe_rate =
                with(p.subscribe.account_subscribe_rate.take(), rate);
        }),
    ];
    for (name, change) in changes {
        let mut profile = aws_iot_core();
        change(&mut profile, true);
        assert_eq!(profile.check(), Err(Inconsistency::Zero { name }));
        change(&mut profile, false);
        assert_eq!(profile.check(), Ok(()), "{name} of 1");
    }
}

#[test]
fn refusals_show_the_numbers_and_a_hint() {
    let shown = [
        Inconsistency::KeepAliveRange { minimum: 60, maximum: 30 }.to_string(),
        Inconsistency::PingSpacing {
            spacing: Duration::from_secs(50),
            grace: Duration::from_secs(45),
        }
        .to_string(),
        Inconsistency::Zero { name: "receive_maximum" }.to_string(),
        Inconsistency::MaximumQoS { value: 3 }.to_string(),
    ];
    assert_eq!(
        shown,
        [
            "keep_alive goes from 60 s to 30 s; hint: the minimum must be at least 1 and not \
             above the maximum",
            "min_ping_spacing of 50s is not below 45s, the grace of the largest keep-alive; \
             hint: lower the spacing or raise keep_alive's maximum",
            "receive_maximum is 0, so nothing could be sent; hint: leave it out for no limit",
            "maximum_qos is 3; hint: it can be 0, 1 or 2",
        ]
    );
}
