//! A few composed lines of each log format.

/// By the format's name; one that has changed has more than one.
pub(crate) const SAMPLES: &[(&str, &str)] = &[
    (
        "mqttjs",
        "2026-01-02T03:04:05.000Z mqttjs:tcp port 1883 and host 10.0.0.9
2026-01-02T03:04:05.010Z mqttjs:client _writePacket :: packet: {
  cmd: 'connect',
  protocolVersion: 5,
  clientId: 'pump',
  keepalive: 2,
  username: 'eve',
  password: 'hunter2'
}
2026-01-02T03:04:05.020Z mqttjs:client _handlePacket :: emitting packetreceive
2026-01-02T03:04:05.020Z mqttjs:client _handleConnack
2026-01-02T03:04:07.000Z mqttjs:client _checkPing :: checking ping...
2026-01-02T03:04:07.000Z mqttjs:client _sendPacket :: (pump) ::  start
2026-01-02T03:04:07.000Z mqttjs:client _writePacket :: packet: { cmd: 'pingreq' }
2026-01-02T03:04:09.000Z mqttjs:client (pump)stream :: on close
",
    ),
    (
        "libmosquitto",
        "1767323045: Client meter sending CONNECT
1767323045: Client meter received CONNACK (0)
1767323046: Client meter sending PUBLISH (d0, q1, r1, m2, 'a', ... (5 bytes))
1767323057: Client meter sending PINGREQ
1767323070: Client meter sending CONNECT
",
    ),
    (
        "paho-python",
        "2026-01-02 03:04:05,100 - paho - DEBUG - Sending CONNECT (u1, p1, wr0, wq0, wf0, c1, k60) client_id=b'pump'
2026-01-02 03:04:05,200 - paho - DEBUG - Received CONNACK (0, Success) properties=[]
2026-01-02 03:04:05,300 - paho - DEBUG - Sending SUBSCRIBE (d0, m1) [(b'cmd/#', 1), (b'x', 0)]
2026-01-02 03:05:05,000 - paho - DEBUG - Sending PINGREQ
2026-01-02 03:05:06,000 - paho - DEBUG - Received DISCONNECT Session taken over []
",
    ),
    (
        "home-assistant",
        "2026-01-02 03:04:05.678 INFO (MainThread) [homeassistant.components.mqtt.client] Connected to MQTT server broker:1883 (0)
2026-01-02 03:04:15.678 WARNING (MainThread) [homeassistant.components.mqtt.client] Disconnected from MQTT server broker:1883 (7)
2026-01-02 03:04:16.678 ERROR (MainThread) [homeassistant.components.mqtt.client] Unable to connect to the MQTT broker: Not authorized
",
    ),
    (
        "zigbee2mqtt",
        "[2026-01-02 03:04:05] info: \tz2m: Connecting to MQTT server at mqtt://u:hunter2@broker:1883
[2026-01-02 03:04:06] info: \tz2m: Connected to MQTT server
[2026-01-02 03:06:06] error: \tz2m: MQTT error: Keepalive timeout
[2026-01-02 03:06:07] error: \tz2m: Not connected to MQTT server!
",
    ),
    (
        "node-red",
        "2 Jan 03:04:05 - [info] [mqtt-broker:home] Connected to broker: flow@mqtt://broker:1883
2 Jan 03:04:15 - [info] [mqtt-broker:home] Disconnected from broker: flow@mqtt://broker:1883
",
    ),
    (
        "esp-mqtt",
        "I (1000) mqtt_example: MQTT_EVENT_CONNECTED
E (91000) mqtt_client: No PING_RESP, disconnected
I (91000) mqtt_client: Reconnect after 10000 ms
I (400) mqtt_example: MQTT_EVENT_CONNECTED
",
    ),
    (
        "esphome",
        "[23:59:58][I][mqtt:123]: Connecting to MQTT...
[23:59:59][I][mqtt:234]: MQTT Connected!
[00:00:09][W][mqtt:345]: MQTT Disconnected: TCP disconnected.
",
    ),
    (
        "tasmota",
        "03:04:05.100 MQT: Attempting connection...
03:04:05.200 MQT: Connected
03:05:05.200 MQT: Connect failed to 10.0.0.9:1883, rc -4. Retry in 10 sec
",
    ),
    (
        "aws-c-mqtt",
        "[INFO] [2026-01-02T03:04:05Z] [00007f01] [mqtt5-client] - id=0x1: emitting attempting connect lifecycle event
[INFO] [2026-01-02T03:04:06Z] [00007f01] [mqtt5-client] - id=0x1: emitting connection success lifecycle event
[INFO] [2026-01-02T03:04:09Z] [00007f01] [mqtt5-client] - id=0x1: channel shutdown due to PINGRESP timeout
",
    ),
    (
        "mosquitto",
        "1767323045: New connection from 10.0.0.1:5000 on port 1883.
1767323045: New client connected from 10.0.0.1:5000 as pump (p2, c0, k60, u'eve').
1767323045: Sending CONNACK to pump (1, 0)
1767323046: Received SUBSCRIBE from pump
1767323046: \tcmd/# (QoS 1)
1767323047: Received PUBLISH from pump (d1, q1, r1, m7, 'a', ... (9 bytes))
1767323146: Client pump [10.0.0.1:5000] disconnected: exceeded timeout.
",
    ),
    (
        "emqx",
        "2026-01-02T03:04:05.100000+00:00 [info] msg: terminate, mfa: emqx_connection:terminate/2, peername: 10.0.0.1:5000, clientid: pump, username: eve, reason: {shutdown,keepalive_timeout}
{\"time\":1767323046100000,\"level\":\"info\",\"msg\":\"terminate\",\"clientid\":\"fan\",\"username\":\"eve\",\"peername\":\"10.0.0.2:5000\",\"reason\":\"{shutdown,takenover}\"}
",
    ),
    (
        "hivemq",
        "2026-01-02 03:04:05,123 - Client ID: pump, IP: 10.0.0.1, Clean Start: true, Session Expiry: 0 connected.
2026-01-02 03:04:09,123 - Client ID: pump, IP: 10.0.0.1 was disconnected. reason: Client was idle for too long.
",
    ),
    (
        "vernemq",
        "2026-01-02 03:04:05.123 [warning] <0.1.0>@vmq_mqtt_fsm:x:1 client {[],<<\"pump\">>} with username <<\"eve\">> stopped due to keepalive expired
2026-01-02 03:04:06.123 [warning] <0.2.0>@vmq_mqtt_fsm:x:1 can't authenticate client {[],<<\"fan\">>} from 10.0.0.1:5000 due to not_authorized
",
    ),
    (
        "rabbitmq",
        "2026-01-02 03:04:05.123456+00:00 [info] <0.1.0> Accepted MQTT connection 10.0.0.1:5000 -> 10.0.0.9:1883 for client ID pump
2026-01-02 03:04:07.123456+00:00 [error] <0.1.0> closing MQTT connection \"10.0.0.1:5000 -> 10.0.0.9:1883\" (keepalive timeout)
",
    ),
    (
        "aws-cloudwatch",
        "{\"timestamp\":\"2026-01-02 03:04:05.678\",\"traceId\":\"t\",\"status\":\"Success\",\"eventType\":\"Connect\",\"protocol\":\"MQTT\",\"clientId\":\"pump\",\"principalId\":\"hunter2\",\"sourceIp\":\"192.0.2.1\",\"sourcePort\":5000}
{\"timestamp\":\"2026-01-02 03:05:05.678\",\"traceId\":\"t\",\"status\":\"Success\",\"eventType\":\"Disconnect\",\"protocol\":\"MQTT\",\"clientId\":\"pump\",\"principalId\":\"hunter2\",\"sourceIp\":\"192.0.2.1\",\"sourcePort\":5000,\"disconnectReason\":\"DUPLICATE_CLIENTID\"}
",
    ),
    (
        "aws-lifecycle",
        "{\"clientId\":\"pump\",\"timestamp\":1767323045000,\"eventType\":\"connected\",\"sessionIdentifier\":\"s1\",\"principalIdentifier\":\"hunter2\",\"ipAddress\":\"192.0.2.1\",\"versionNumber\":0}
{\"clientId\":\"pump\",\"timestamp\":1767323055000,\"eventType\":\"disconnected\",\"sessionIdentifier\":\"s1\",\"clientInitiatedDisconnect\":false,\"disconnectReason\":\"CONNECTION_LOST\",\"versionNumber\":0}
",
    ),
    (
        "azure",
        "{\"time\":\"2026-01-02T03:04:05.1234567Z\",\"category\":\"Connections\",\"operationName\":\"deviceConnect\",\"properties\":\"{\\\"deviceId\\\":\\\"pump\\\",\\\"maskedIpAddress\\\":\\\"192.0.2.XXX\\\"}\"}
[{\"time\":\"2026-01-02T03:04:06.1Z\",\"type\":\"Microsoft.EventGrid.MQTTClientSessionDisconnected\",\"data\":{\"clientAuthenticationName\":\"hunter2\",\"clientSessionName\":\"fan\",\"disconnectionReason\":\"SessionTakenOver\"}}]
",
    ),
    (
        "evenkeel",
        "{\"v\":1,\"type\":\"event\",\"time\":\"2026-01-02T03:04:05.000000000Z\",\"event\":\"connecting\",\"attempt\":1,\"server\":0}
{\"v\":1,\"type\":\"event\",\"time\":\"2026-01-02T03:04:06.000000000Z\",\"event\":\"connected\",\"version\":5,\"session_present\":false}
{\"v\":1,\"type\":\"event\",\"time\":\"2026-01-02T03:05:06.000000000Z\",\"event\":\"disconnected\",\"cause\":\"x\",\"class\":\"KeepAliveDeath\",\"reason_code\":null,\"online_s\":60.0}
",
    ),
    (
        "evenkeel-broker",
        "{\"time\":1.0,\"connection\":1,\"event\":\"opened\",\"transport\":\"tcp\",\"peer\":\"127.0.0.1:5000\"}
{\"time\":1.1,\"connection\":1,\"client_id\":\"pump\",\"event\":\"connected\",\"version\":5,\"clean_start\":true,\"session_present\":false,\"keep_alive\":10}
{\"time\":16.1,\"connection\":1,\"client_id\":\"pump\",\"event\":\"keep_alive_timeout\",\"silence\":15.0}
{\"time\":16.1,\"connection\":1,\"client_id\":\"pump\",\"event\":\"closed\",\"why\":\"keep_alive_timeout\"}
",
    ),
    (
        "evenkeel-broker",
        "{\"v\":2,\"type\":\"broker_event\",\"time\":\"2026-01-02T03:04:05.000000000Z\",\"mono_ns\":1000000000,\"event\":\"opened\",\"client_id\":null,\"connection\":1,\"keep_alive_s\":null,\"last_sent_s\":null,\"last_received_s\":null,\"in_flight\":null,\"queued\":null,\"transport\":\"tcp\",\"peer\":\"127.0.0.1:5000\"}
{\"v\":2,\"type\":\"broker_event\",\"time\":\"2026-01-02T03:04:05.100000000Z\",\"mono_ns\":1100000000,\"event\":\"connected\",\"client_id\":\"pump\",\"connection\":1,\"keep_alive_s\":10,\"last_sent_s\":null,\"last_received_s\":0.0,\"in_flight\":0,\"queued\":0,\"version\":5,\"number\":1,\"clean_start\":true,\"session_present\":false,\"session_expiry_s\":0}
{\"v\":2,\"type\":\"broker_event\",\"time\":\"2026-01-02T03:04:20.100000000Z\",\"mono_ns\":16100000000,\"event\":\"keep_alive_timeout\",\"client_id\":\"pump\",\"connection\":1,\"keep_alive_s\":10,\"last_sent_s\":15.0,\"last_received_s\":15.0,\"in_flight\":0,\"queued\":0,\"silence_s\":15.0}
{\"v\":2,\"type\":\"broker_event\",\"time\":\"2026-01-02T03:04:20.100000000Z\",\"mono_ns\":16100000000,\"event\":\"closed\",\"client_id\":\"pump\",\"connection\":1,\"keep_alive_s\":10,\"last_sent_s\":15.0,\"last_received_s\":15.0,\"in_flight\":0,\"queued\":0,\"why\":\"keep_alive_timeout\",\"closer\":\"server\"}
",
    ),
];
