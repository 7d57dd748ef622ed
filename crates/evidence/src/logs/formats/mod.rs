//! One file for each format.

mod aws_c_mqtt;
mod esp_mqtt;
mod esphome;
mod home_assistant;
mod libmosquitto;
mod mosquitto;
mod mqttjs;
mod node_red;
mod paho;
mod tasmota;
mod zigbee2mqtt;

use super::format::Format;

/// Every format.
pub(super) static ALL: &[&Format] = &[
    &mqttjs::FORMAT,
    &libmosquitto::FORMAT,
    &paho::FORMAT,
    &home_assistant::FORMAT,
    &zigbee2mqtt::FORMAT,
    &node_red::FORMAT,
    &esp_mqtt::FORMAT,
    &esphome::FORMAT,
    &tasmota::FORMAT,
    &aws_c_mqtt::FORMAT,
    &mosquitto::FORMAT,
];
