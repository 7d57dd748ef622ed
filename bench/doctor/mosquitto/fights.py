"""Trouble of the clients, and before MQTT begins."""

import signal
import time

from lab import BROKER
from scenario import again, scenario


@scenario(
    "two hosts have one identifier",
    clients=2, also="RC01 RC03 RC04", client="- RC01 RC03 ID01", client2="- RC01 RC03 ID01",
    broker="ID01", mosquitto="ID01", sub="- RC01 RC03 ID01", paho="- RC01 RC03 ID01", all="ID01",
)
def two_hosts_one_id(lab):
    lab.broker()
    lab.record()
    lab.sub("-k", 10, log="sub.log")
    lab.paho(at="c2", log="paho.log")
    time.sleep(50)


@scenario(
    "the same with MQTT 5",
    clients=2, also="RC01 RC03 RC04", client="ID01 RC01 RC03", client2="ID01 RC01 RC03",
    broker="ID01", mosquitto="ID01", js="ID01 - RC01 RC03", paho="ID01 RC01 RC03", all="ID01",
)
def two_hosts_one_id_v5(lab):
    lab.broker(log=None)
    lab.record()
    lab.mqttjs(log="js.log", protocolVersion=5)
    lab.paho(at="c2", log="paho.log", v=5)
    time.sleep(50)


@scenario(
    "the same under TLS",
    clients=2, also="RC01 RC03 RC04", client="- RC01 RC03 SV01 SV02",
    client2="- RC01 RC03 SV01 SV02", broker="ID01", mosquitto="ID01", js="- RC01 RC03 ID01",
    paho="- RC01 RC03 ID01", all="ID01",
)
def two_hosts_one_id_tls(lab):
    lab.certificate()
    lab.broker(*lab.tls(), listen=False)
    lab.record()
    lab.mqttjs(log="js.log", url=f"mqtts://{BROKER}:8883", env={"NODE_EXTRA_CA_CERTS": lab.ca()})
    lab.paho(at="c2", log="paho.log", port=8883, ca=lab.ca())
    time.sleep(50)


@scenario(
    "two programs of one host have one identifier",
    also="RC01 RC03 RC04", client="ID01 RC05", mosquitto="ID01 RC05", js="- RC01 RC03",
    paho="- RC01 RC03", all="ID01 RC05",
)
def two_programs_one_id(lab):
    lab.broker()
    lab.record()
    lab.mqttjs(log="js.log")
    lab.paho(log="paho.log")
    time.sleep(50)


@scenario(
    "mosquitto_sub with QoS 1 and without -c; the link is cut three times",
    path=True, also="NW01 NW02 KA07 KA13 NW04 SV01 ID02", client="ID06 NW01", broker="ID06",
    mosquitto="ID06 KA07", sub="ID06 - NW01 KA12", all="ID06 NW01",
)
def clean_session(lab):
    lab.broker()
    lab.record()
    lab.sub("-k", 10, "-q", 1, id="sub")
    lab.feed(4)
    for _ in range(3):
        time.sleep(20)
        lab.path.cut = {0, 1}
        time.sleep(30)
        lab.path.cut = set()
    time.sleep(20)


@scenario(
    "a message handler takes 25 s, each time",
    also="ID06 KA07 KA08 FC06", client="FC06 KA08", mosquitto="KA07 KA08 FC06", paho="KA08 FC06 -",
    all="FC06 KA08",
)
def slow_handler(lab):
    lab.broker()
    lab.record()
    lab.paho(id="paho", handler=25, qos=1)
    lab.feed(10)
    time.sleep(120)


@scenario(
    "the process is frozen for 30 s, four times",
    also="NW02 KA08", client="KA08 NW02", mosquitto="- KA08 NW02", js="KA08 NW02", all="KA08 NW02",
)
def frozen(lab):
    lab.broker()
    lab.record()
    js = lab.mqttjs(id="js")
    for _ in range(4):
        time.sleep(15)
        js.send_signal(signal.SIGSTOP)
        time.sleep(30)
        js.send_signal(signal.SIGCONT)
    time.sleep(10)


@scenario(
    "the application never acknowledges, max_inflight_messages 5",
    client="FC02", mosquitto="FC02 FC08", paho="- FC02", all="FC02",
)
def never_acks(lab):
    lab.broker("max_inflight_messages 5")
    lab.record()
    lab.paho(id="paho", qos=1, never_acks=True)
    lab.feed(2)
    time.sleep(90)


@scenario(
    "a slow consumer, max_queued_messages 5",
    also="FC06 KA08 FC02", client="- FC06 KA08 FC02 FC08", mosquitto="FC08", paho="- FC06 KA08",
    all="FC08 FC06 KA08",
)
def slow_consumer(lab):
    lab.broker("max_inflight_messages 1", "max_queued_messages 5")
    lab.record()
    lab.paho(id="paho", qos=1, handler=6)
    lab.feed(0.5)
    time.sleep(60)


@scenario(
    "a new identifier with a persistent session at each start",
    client="ID03", mosquitto="ID03", all="ID03",
)
def random_ids(lab):
    lab.broker()
    lab.record()
    count = iter(range(1000, 9999, 377))
    again(lab, 45, lambda: lab.sub("-c", "-q", 1, "-W", 2, id=f"app-{next(count) * 7919 % 100003:x}", log="sub.out"), 2)


@scenario(
    "a client that sends a malformed SUBSCRIBE",
    also="RC01 RC03 AU01", client="PR01", mosquitto="PR01", all="PR01",
)
def malformed(lab):
    lab.broker()
    lab.record()
    words = ("import socket, time\ns = socket.create_connection(('%s', 1883))\n"
             "s.sendall(bytes.fromhex('101100044d5154540402000a0005') + b'bad-1')\ns.recv(9)\n"
             "s.sendall(bytes.fromhex('8006000100012303'))\ns.recv(9)" % BROKER)
    again(lab, 40, lambda: lab.run("c1", ["python3", "-c", words]), 3)


@scenario(
    "a bridge with a wrong password",
    also="RC06 RC01 RC03", client="AU03 RC06", mosquitto="AU03 RC06", edge="AU03 RC06",
    all="AU03 RC06",
)
def bridge_refused(lab):
    lab.broker("allow_anonymous false")
    lab.record()
    lab.broker("connection cloud", f"address {BROKER}:1883", "topic # both 1", "remote_clientid edge-1",
               "remote_username a", "remote_password b", "restart_timeout 3", name="edge", at="c1")
    time.sleep(60)


# --- Before MQTT begins.


@scenario(
    "no broker on the port",
    also="RC01", client="NW04", js="NW04", paho="NW04 - unread", sub="NW04 -", all="NW04",
)
def refused(lab):
    lab.record()
    lab.mqttjs(id="js")
    lab.paho(id="paho")
    again(lab, 40, lambda: lab.sub(id="sub"), 3)


@scenario(
    "a firewall drops everything to the port",
    path=True, also="NW09", client="NW04", js="NW04 NW09 - RC01", all="NW04",
)
def dropped(lab):
    lab.broker()
    lab.record()
    lab.path.cut = {1}
    lab.mqttjs(id="js", connectTimeout=10000)
    time.sleep(100)


@scenario(
    "a name that does not resolve",
    also="RC01", client="-", js="NW05", paho="NW05 - unread", sub="NW05 -", all="NW05",
)
def no_such_name(lab):
    lab.resolver()
    lab.record()
    lab.mqttjs(id="js", url="mqtt://broker.example:1883")
    lab.paho(id="paho", host="broker.example")
    again(lab, 40, lambda: lab.sub(id="sub", host="broker.example"), 3)


def tls_trouble(lab, *broker, name="server", ca="ca", sub=(), js=None):
    lab.broker(*lab.tls(*broker, name=name), listen=False)
    lab.record()
    lab.mqttjs(id="js", url=f"mqtts://{BROKER}:8883", env={"NODE_EXTRA_CA_CERTS": lab.ca(ca)}, **(js or {}))
    lab.paho(id="paho", port=8883, ca=lab.ca(ca))
    again(lab, 40, lambda: lab.sub("--cafile", lab.ca(ca), *sub, id="sub", port=8883), 3)


TLS = {"client": "TL03", "mosquitto": "TL03", "js": "TL03", "paho": "- unread", "sub": "TL03", "all": "TL03"}


@scenario(
    "the broker's certificate has expired",
    also="RC01 TL04", **TLS,
)
def certificate_expired(lab):
    lab.certificate(days=-1)
    tls_trouble(lab)


@scenario(
    "the broker's certificate has another name",
    also="RC01", **TLS,
)
def certificate_name(lab):
    lab.certificate(host="other.example")
    tls_trouble(lab)


@scenario(
    "the clients do not know the authority",
    also="RC01", **TLS,
)
def certificate_authority(lab):
    lab.certificate(name="other", authority="other-ca")
    lab.certificate()
    tls_trouble(lab, ca="other-ca")


@scenario(
    "the broker asks for a certificate, the clients have none",
    also="RC01 RC03 NW09 AU03", client="TL03", mosquitto="TL03", js="TL03 - RC01",
    paho="TL03 - RC01 RC02", sub="TL03 -", all="TL03",
)
def certificate_missing(lab):
    lab.certificate()
    tls_trouble(lab, "require_certificate true")


@scenario(
    "the broker speaks TLS 1.3 alone, the clients 1.2",
    also="RC01", client="TL03", mosquitto="TL03", js="TL03 - RC01", sub="TL03 -", all="TL03",
)
def tls_version(lab):
    lab.certificate()
    lab.broker(*lab.tls("tls_version tlsv1.3"), listen=False)
    lab.record()
    lab.mqttjs(id="js", url=f"mqtts://{BROKER}:8883", env={"NODE_EXTRA_CA_CERTS": lab.ca()}, maxVersion="TLSv1.2")
    again(lab, 40, lambda: lab.sub("--cafile", lab.ca(), "--tls-version", "tlsv1.2", id="sub", port=8883), 3)


@scenario(
    "plain clients on a TLS port",
    also="RC01 NW09", client="TL06", mosquitto="TL06", js="- RC01 TL06 NW09",
    paho="- RC01 RC02 TL06 NW09", all="TL06",
)
def plain_to_tls(lab):
    # mosquitto_sub speaks TLS to this port by itself.
    lab.certificate()
    lab.broker(*lab.tls(), listen=False)
    lab.record()
    lab.mqttjs(id="js", url=f"mqtt://{BROKER}:8883")
    lab.paho(id="paho", port=8883)
    time.sleep(40)


@scenario(
    "clients of TLS on a plain port",
    also="RC01 NW09 PR01", client="TL06", mosquitto="TL06 PR01", js="- RC01 TL06 NW09",
    sub="- TL06 TL03 RC01", all="TL06",
)
def tls_to_plain(lab):
    lab.certificate()
    lab.broker()
    lab.record()
    lab.mqttjs(id="js", url=f"mqtts://{BROKER}:1883", env={"NODE_EXTRA_CA_CERTS": lab.ca()})
    again(lab, 40, lambda: lab.sub("--cafile", lab.ca(), id="sub"), 3)


@scenario(
    "a web server on the port",
    also="RC01 RC03 NW09", client="PR03", js="- PR03 PR01 RC01 NW09", paho="- PR03 PR01 RC01 NW09",
    sub="- PR03 PR01 RC01 unread", all="PR03",
)
def web_server(lab):
    lab.run("b", ["python3", "-m", "http.server", "1883"])
    lab.record()
    lab.mqttjs(id="js")
    lab.paho(id="paho")
    again(lab, 40, lambda: lab.sub(id="sub"), 3)


@scenario(
    "a WebSocket to a path that the web server does not know",
    also="RC01", client="TL05", js="TL05", all="TL05",
)
def websocket_path(lab):
    lab.run("b", ["python3", "-m", "http.server", "8080"])
    lab.record()
    lab.mqttjs(id="js", url=f"ws://{BROKER}:8080/wrong")
    time.sleep(40)


@scenario(
    "a WebSocket to the port of plain MQTT",
    also="RC01 NW09 PR01", client="TL05 TL06 PR03 PR01", mosquitto="PR01 TL05 TL06",
    js="TL05 - RC01", all="TL05 TL06 PR03 PR01",
)
def websocket_to_plain(lab):
    lab.broker()
    lab.record()
    lab.mqttjs(id="js", url=f"ws://{BROKER}:1883/mqtt")
    time.sleep(40)


@scenario(
    "800 ms each way, TLS, and a client that waits 2.5 s for CONNACK",
    path=True, also="RC01 RC03", client="RC08", broker="RC08 - RC03", mosquitto="RC08 - RC03",
    js="RC08 RC01 - NW09", all="RC08",
)
def slow_tls(lab):
    lab.certificate()
    lab.broker(*lab.tls(), listen=False)
    lab.record()
    lab.path.delay = 0.8
    lab.mqttjs(id="js", url=f"mqtts://{BROKER}:8883", env={"NODE_EXTRA_CA_CERTS": lab.ca()}, connectTimeout=4500)
    time.sleep(60)


@scenario(
    "900 ms each way, and a client that waits 1.5 s for CONNACK",
    path=True, also="RC01 RC03", client="RC08", broker="RC08 - RC01", mosquitto="RC08 - RC01",
    js="RC08 RC01 - NW09", all="RC08",
)
def slow_connack(lab):
    lab.broker()
    lab.record()
    lab.path.delay = 0.9
    lab.mqttjs(id="js", connectTimeout=3000)
    time.sleep(60)
