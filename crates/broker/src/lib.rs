//! An MQTT broker for development and tests.
#![forbid(unsafe_code)]
