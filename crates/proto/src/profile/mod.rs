//! What brokers allow, and from there to what this client does about it:
//! [`Config::obey`], with one file for each section of a [`Profile`] (P1).
//!
//! All of `evenkeel-profile` is here.

mod broken;
mod client_id;
pub(crate) mod connection;
mod lifetime;
pub(crate) mod properties;
pub(crate) mod publish;
mod rates;
pub(crate) mod subscribe;
mod topic;

#[cfg(feature = "profiles")]
use alloc::sync::Arc;

pub use broken::BrokenLimit;
#[cfg(feature = "store")]
pub(crate) use client_id::is_out_of_reach;
pub(crate) use client_id::own_client_id;
pub use evenkeel_profile::*;

use crate::config::{Config, ConfigError};

impl Config {
    /// Keeps within what a broker allows: takes the stricter of setting and
    /// profile, refuses settings that the profile rules out, and has the client
    /// refuse, split and count by the profile while it runs.
    ///
    /// To be called once everything else is set. What depends on the client
    /// identifier is checked when the client is made.
    ///
    /// # Errors
    ///
    /// A setting that the application has to choose anew; `self` is not to be
    /// used then.
    ///
    /// ```
    /// use evenkeel_proto::Config;
    /// use evenkeel_proto::profile::aws_iot_core;
    ///
    /// let mut config = Config::default();
    /// config.obey(&aws_iot_core())?;
    /// assert_eq!(config.connect.receive_maximum, 100);
    /// # Ok::<(), evenkeel_proto::ConfigError>(())
    /// ```
    #[cfg(feature = "profiles")]
    pub fn obey(&mut self, profile: &Profile) -> Result<(), ConfigError> {
        obey(self, profile)?;
        self.profile = says_more_than_mqtt(profile).then(|| Arc::new(profile.clone()));
        Ok(())
    }

    /// The profile that is obeyed, if it says more than MQTT itself. Without the
    /// feature `profiles` the compiler knows that there is none, and leaves out all
    /// that would be done by it.
    #[inline]
    pub(crate) fn profile(&self) -> Option<&Profile> {
        #[cfg(feature = "profiles")]
        return self.profile.as_deref();
        #[cfg(not(feature = "profiles"))]
        return None;
    }
}

#[cfg_attr(not(feature = "profiles"), expect(dead_code, reason = "nobody gives a profile"))]
fn obey(config: &mut Config, profile: &Profile) -> Result<(), ConfigError> {
    connection::obey(config, profile)?;
    lifetime::obey(config, profile);
    publish::obey(config, profile);
    rates::obey(config, profile);
    Ok(())
}

/// False if every limit is one that all brokers have: then there is nothing to
/// look up for each message.
#[cfg(feature = "profiles")]
fn says_more_than_mqtt(profile: &Profile) -> bool {
    let standard = standard();
    let common = standard.limits();
    profile.limits().iter().any(|limit| {
        let same = |other: &LimitInfo<'_>| {
            other.name == limit.name && other.value.plain() == limit.value.plain()
        };
        !common.iter().any(same)
    })
}
