//! An MQTT client whose connections stay up.
#![forbid(unsafe_code)]
