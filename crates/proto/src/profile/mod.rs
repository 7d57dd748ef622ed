//! What brokers allow, and from there to what this client does about it:
//! [`Config::obey`], with one function for each section of a [`Profile`] (P1).
//!
//! All of `evenkeel-profile` is here.

mod broken;
mod connection;
mod publish;
mod rates;
mod subscribe;

pub use broken::BrokenLimit;
pub use evenkeel_profile::*;

use crate::config::{Config, ConfigError};

impl Config {
    /// Keeps within what a broker allows: takes the stricter of setting and
    /// profile, and refuses settings that the profile rules out.
    ///
    /// To be called once everything else is set.
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
    /// assert_eq!(config.bounds.filters_per_packet, 8);
    /// # Ok::<(), evenkeel_proto::ConfigError>(())
    /// ```
    pub fn obey(&mut self, profile: &Profile) -> Result<(), ConfigError> {
        connection::obey(self, profile)?;
        publish::obey(self, profile);
        subscribe::obey(self, profile);
        rates::obey(self, profile);
        Ok(())
    }
}
