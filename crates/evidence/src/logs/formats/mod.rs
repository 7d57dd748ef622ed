//! One file for each format.

mod aws_c_mqtt;
mod aws_cloudwatch;
mod aws_lifecycle;
mod azure;
mod emqx;
mod esp_mqtt;
mod esphome;
mod evenkeel_broker;
mod evenkeel_client;
mod hivemq;
mod home_assistant;
mod libmosquitto;
mod mosquitto;
mod mqttjs;
mod node_red;
mod paho;
mod rabbitmq;
mod tasmota;
mod vernemq;
mod zigbee2mqtt;

use super::format::Format;

/// Every format: clients, then brokers, then our own.
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
    &emqx::FORMAT,
    &hivemq::FORMAT,
    &vernemq::FORMAT,
    &rabbitmq::FORMAT,
    &aws_cloudwatch::FORMAT,
    &aws_lifecycle::FORMAT,
    &azure::FORMAT,
    &evenkeel_client::FORMAT,
    &evenkeel_broker::FORMAT,
];
