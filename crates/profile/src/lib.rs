//! What MQTT brokers allow, as data.
#![no_std]
#![forbid(unsafe_code)]
