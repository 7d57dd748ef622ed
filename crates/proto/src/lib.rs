//! The Evenkeel MQTT client as a sans-I/O state machine.
#![no_std]
#![forbid(unsafe_code)]
