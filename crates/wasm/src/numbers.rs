//! How a client stands, in numbers. `ABI.md` lists them.

use evenkeel_proto::{Client, Limits, ShutdownReport, Stats};

/// The number that `which` stands for; `None` if there is none now, or never.
pub(crate) fn number(core: &Client, which: u32) -> Option<f64> {
    match which {
        0..20 => of_client(core, which),
        20..40 => of_limits(core.limits()?, which),
        40..70 => of_stats(core.stats(), which).map(|count| count as f64),
        _ => of_shutdown(&core.shutdown_report()?, which),
    }
}

fn of_client(core: &Client, which: u32) -> Option<f64> {
    Some(match which {
        0 => core.queued() as f64,
        1 => core.in_flight() as f64,
        2 => core.subscriptions() as f64,
        3 => flag(core.is_settled()),
        4 => flag(core.takes_publishes()),
        5 => flag(core.wants_read()),
        _ => return None,
    })
}

fn of_limits(limits: &Limits, which: u32) -> Option<f64> {
    Some(match which {
        20 => limits.version.level().into(),
        21 => limits.keep_alive.value.as_secs() as f64,
        22 => limits.in_flight.value.into(),
        23 => limits.packet_size.value.into(),
        24 => limits.maximum_qos.value.level().into(),
        25 => flag(limits.retain.value),
        26 => limits.topic_alias_maximum.value.into(),
        27 => flag(limits.wildcard_subscriptions.value),
        28 => flag(limits.shared_subscriptions.value),
        29 => flag(limits.subscription_identifiers.value),
        30 => limits.session_expiry.value.into(),
        _ => return None,
    })
}

const fn of_stats(stats: &Stats, which: u32) -> Option<u64> {
    Some(match which {
        40 => stats.connects,
        41 => stats.connections,
        42 => stats.pings_sent,
        43 => stats.pongs,
        44 => stats.pongs_unsolicited,
        45 => stats.pings_unanswered,
        46 => stats.publishes_sent,
        47 => stats.publishes_resent,
        48 => stats.publishes_acknowledged,
        49 => stats.publishes_received,
        50 => stats.duplicates_suppressed,
        51 => stats.qos0_dropped,
        52 => stats.expired,
        53 => stats.dropped,
        54 => stats.bytes_sent,
        55 => stats.bytes_received,
        56 => stats.stale_inputs,
        57 => stats.uncertain,
        _ => return None,
    })
}

const fn of_shutdown(left: &ShutdownReport, which: u32) -> Option<f64> {
    Some(match which {
        70 => left.unacknowledged as f64,
        71 => left.queued as f64,
        72 => left.operations as f64,
        73 => left.unwritten as f64,
        _ => return None,
    })
}

fn flag(set: bool) -> f64 {
    f64::from(u8::from(set))
}
