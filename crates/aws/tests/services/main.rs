//! The services by their public API: requests in, effects out, time by hand.

mod bench;
mod jobs;
mod jobs_errors;
mod jobs_events;
mod jobs_model;
mod lifecycle;
mod provisioning;
mod provisioning_cbor;
mod reserved;
mod rules;
mod shadow;
mod shadow_errors;
mod shadow_merge;
mod state;
