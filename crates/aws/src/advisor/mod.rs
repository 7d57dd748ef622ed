//! The acceptance tests of AWS Device Advisor, judged without AWS.
//!
//! A [`Case`] says what a client must do. Whoever runs it writes down what the
//! client did as [`Moment`]s; [`judge`] reads them and gives a [`Verdict`]; the
//! [`report`]s tell people and machines. Nothing here opens a socket or reads a
//! clock.
//!
//! ```
//! use std::time::Duration;
//! use evenkeel_aws::advisor::{Case, Moment, Packet, Setting, Verdict, What, judge};
//! use evenkeel_codec::PacketType;
//!
//! let case = Case::by_id("MQTT_Connect").unwrap();
//! let connect = What::Received(Packet::new(PacketType::Connect));
//! let moments = [Moment { at: Duration::from_millis(20), connection: 1, what: connect }];
//! let verdict = judge(case, &Setting::default(), &moments);
//! assert!(matches!(verdict, Verdict::Pass(_)));
//! ```

pub mod backoff;
mod case;
mod hello;
mod judge;
mod moment;
pub mod report;
mod scenario;
mod suite;
mod verdict;

pub use case::{CASES, Case, Group};
pub use hello::{HELLO_BYTES, Hello, HelloError};
pub use judge::{Setting, is_scenario_settled, is_settled, judge};
pub use moment::{Moment, Packet, Side, What};
pub use scenario::{BASIC, HELD, LARGE, LONG_OUTAGE, OUTAGES, Operation, Scenario};
pub use suite::Suite;
pub use verdict::{Outcome, Verdict};
