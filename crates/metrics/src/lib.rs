//! Metrics and health of [`evenkeel`]'s clients, for Prometheus and whatever reads
//! OpenMetrics.
//!
//! ```
//! use evenkeel::Client;
//! use evenkeel_metrics::Clients;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clients = Clients::new();
//! let client = Client::builder("mqtt://localhost").client_id("pump-17").start()?;
//! clients.add("pump", &client)?;
//!
//! // What a server of the application's answers to GET /metrics and GET /health.
//! let (metrics, health) = (clients.to_text(), clients.health());
//! assert!(metrics.contains("\nevenkeel_state{client=\"pump\",class=\"online\"} 0\n"));
//! assert!(metrics.ends_with("# EOF\n"));
//! assert!(health.live && !health.ready);
//! println!("{}", health.to_json());
//! # Ok(())
//! # }
//! ```
//!
//! An application that has a [`prometheus_client::registry::Registry`] of its own gives
//! it the clients: `registry.register_collector(Box::new(clients.clone()))`.
//!
//! # What it costs
//!
//! Nothing on the way of a message: it looks at the clients when it is asked to, and that
//! is when a scrape comes. A look takes each client's lock for as long as it takes to
//! go through its messages in flight.
//!
//! # Labels
//!
//! There are two, `client` and `class`, and no topic, identifier or address is ever one.
//! `client` is the name that [`Clients::add`] is given, `class` is one of a fixed list, or
//! the name of a rate. Whatever the application does there are at most
//! [`NAMES`] names of clients ([`Clients::with_names`] sets another number) and
//! [`RATES`] of rates, ever; what comes after them is summed as `other`. So is what has
//! one name: counts are added, of times the one that matters most is shown, and
//! [`State`](evenkeel::State) counts how many are in it.
//!
//! # Clients that go
//!
//! A client is observed, not kept: when the application has dropped it, it shuts down,
//! and then it is gone from here as well. Its counts stay in the sums of its name, so
//! that counters never fall.

#![forbid(unsafe_code)]

mod add_error;
mod clients;
mod counts;
mod families;
mod gauges;
mod health;
mod names;
mod reading;
mod text;

pub use add_error::AddError;
pub use clients::Clients;
pub use counts::Spread;
pub use families::{Family, Kind, Unit, families};
pub use health::{Health, Trouble};
pub use reading::{Reading, Sample, Value};
pub use text::OPEN_METRICS;

/// Names of clients, unless [`Clients::with_names`] says otherwise.
pub const NAMES: usize = 100;

/// Names of rates.
pub const RATES: usize = 32;

/// Characters of the longest name of a client.
pub const NAME_MAX: usize = 64;

/// The label of what has no label of its own.
pub const OTHER: &str = "other";
