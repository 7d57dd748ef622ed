//! What the client does about the limits of a broker's profile (P1, P2, P3).

mod connection;
mod every;
mod publish;
mod rates;
mod strict;
mod subscribe;
mod will;

use evenkeel_proto::codec::Version;
use evenkeel_proto::profile::{BrokenLimit, Profile};
use evenkeel_proto::{Client, Config, ConfigError, Instant, PublishLimit, RejectReason};

use crate::support::*;

/// A profile with nothing but these limits, each as `section.name.value = ..`.
fn profile(limits: &str) -> Profile {
    Profile::from_toml(&format!("name = 'x'\nbased_on = 'none'\n{limits}")).unwrap()
}

/// A configuration that obeys these limits.
fn obeying(version: Version, limits: &str) -> Config {
    obeyed(config(version), limits)
}

fn obeyed(mut config: Config, limits: &str) -> Config {
    config.obey(&profile(limits)).unwrap();
    config
}

/// The limit that a setting breaks, if it is refused.
fn refused(config: &Config) -> Option<Box<BrokenLimit>> {
    match Client::new(config.clone(), 7, Instant::from_micros(0)) {
        Err(ConfigError::Profile(broken)) => Some(broken),
        Err(other) => panic!("{other}"),
        Ok(_) => None,
    }
}

/// The limit for which a message is refused.
#[track_caller]
fn broken(refused: Result<impl std::fmt::Debug, RejectReason>) -> Box<BrokenLimit> {
    match refused {
        Err(RejectReason::NotAllowed(PublishLimit::Profile(broken))) => broken,
        other => panic!("{other:?}"),
    }
}
