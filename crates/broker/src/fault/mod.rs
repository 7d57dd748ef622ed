//! Faults on purpose: rules that say at which packet of which client what
//! goes wrong.
//!
//! A [`Rule`] is a [`When`] and an [`Action`]. It is written in Rust
//! ([`When`] is a builder) or in a small TOML file ([`Script`]). A broker takes
//! rules before it starts and at any time later. What happens to the broker as
//! a whole, such as a restart, is a [`Step`].
//!
//! ```
//! use std::time::Duration;
//! use evenkeel_broker::fault::When;
//! use evenkeel_codec::PacketType;
//!
//! // One lost PINGRESP, once for each client.
//! let lost = When::sent(PacketType::PingResp).client("pump-*").nth(1).per_client().drop();
//! // Every acknowledgement comes 600 ms late.
//! let late = When::sent(PacketType::PubAck).delay(Duration::from_millis(600));
//! // Each connection of the first minute is closed right after CONNACK.
//! let flapping = When::sent(PacketType::ConnAck).lasting(Duration::from_secs(60)).close_after();
//! for rule in [lost, late, flapping] {
//!     rule.check().unwrap();
//! }
//! ```

mod action;
mod engine;
mod rule;
mod script;
mod step;

pub use action::{Action, Announce, Stop};
pub use engine::RuleId;
pub(crate) use engine::{Engine, Hit, Subject};
pub(crate) use rule::Trigger;
pub use rule::{Rule, RuleError, Scope, When};
pub use script::{RuleProblem, Script, ScriptError};
pub use step::{Happening, Message, Step};

/// What [`When::sent`] and [`When::received`] name packets by.
#[doc(no_inline)]
pub use evenkeel_codec::PacketType;
