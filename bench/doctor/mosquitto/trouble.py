"""Trouble on the path and with the broker."""

import signal
import subprocess
import time

from lab import BROKER, stop
from scenario import again, scenario


@scenario(
    "a router forgets connections that are idle for 8 s; keep-alive 20 s",
    path=True, also="NW01 ID02 KA13 RC01", client="KA12", broker="KA12 NW01 ID02 -",
    mosquitto="KA12 NW01 ID02 -", sub="KA12 NW01", all="KA12",
)
def router_forgets(lab):
    lab.broker()
    lab.record()
    lab.path.forget_after = 8
    lab.sub("-k", 20, id="sub")
    time.sleep(190)


@scenario(
    "the same, MQTT.js",
    path=True, also="NW01 ID02 KA13 RC01 RC03", client="KA12", broker="KA12 NW01 ID02 -",
    mosquitto="KA12 NW01 ID02 -", js="KA12 NW01 KA04", all="KA12",
)
def router_forgets_mqttjs(lab):
    lab.broker()
    lab.record()
    lab.path.forget_after = 8
    lab.mqttjs(id="js", keepalive=20)
    time.sleep(190)


@scenario(
    "the same under TLS",
    path=True, also="NW01 ID02 KA13 RC01 RC03", client="KA12", broker="KA12 NW01 ID02 -",
    mosquitto="KA12 NW01 ID02 -", paho="KA12 NW01 KA04", all="KA12",
)
def router_forgets_tls(lab):
    lab.certificate()
    lab.broker(*lab.tls(), listen=False)
    lab.record()
    lab.path.forget_after = 8
    lab.paho(id="paho", keep_alive=20, port=8883, ca=lab.ca())
    time.sleep(190)


@scenario(
    "a firewall answers RST once a connection was idle for 8 s; keep-alive 20 s",
    path=True, also="ID02 RC01 RC03", client="KA12", broker="KA12 NW01 ID02 -",
    mosquitto="KA12 NW01 ID02 - RC03", js="KA12 - RC01 RC03", all="KA12",
)
def firewall_resets(lab):
    lab.broker()
    lab.record()
    lab.path.forget_after, lab.path.answer_rst = 8, True
    lab.mqttjs(id="js", keepalive=20)
    time.sleep(150)


@scenario(
    "a router forgets after 8 s; no keep-alive, a message every 20 s",
    path=True, also="NW01 NW08 ID02 KA10", client="KA12 NW01 KA10", broker="- KA12 NW01",
    mosquitto="-", paho="- KA12 NW01 FC03", all="KA12 NW01 KA10",
)
def no_keep_alive_router(lab):
    lab.broker()
    lab.record()
    lab.path.forget_after = 8
    lab.paho(id="paho", keep_alive=0, every=20)
    time.sleep(150)


@scenario(
    "the link is cut for 60 s, once",
    path=True, also="KA13 NW04 ID02", client="NW01", broker="- NW01", mosquitto="-",
    sub="- NW01 KA04 KA12", all="NW01",
)
def link_cut(lab):
    lab.broker()
    lab.record()
    lab.sub("-k", 10, id="sub")
    time.sleep(25)
    lab.path.cut = {0, 1}
    time.sleep(60)
    lab.path.cut = set()
    time.sleep(40)


@scenario(
    "what the client sends is lost for 30 s, again and again",
    path=True, also="KA13 NW04 ID02 NW08 NW02 KA07", client="NW01", broker="- NW01 KA12 NW02",
    mosquitto="- NW01 KA12 KA07", js="NW01 KA04 KA12 -", all="NW01 KA12",
)
def one_way(lab):
    lab.broker()
    lab.record()
    lab.mqttjs(id="js", keepalive=10)
    lab.feed(3)
    for _ in range(4):
        time.sleep(15)
        lab.path.cut = {0}
        time.sleep(30)
        lab.path.cut = set()


@scenario(
    "packets above 700 bytes are lost; messages of 3000 bytes",
    path=True, also="NW01 ID02 RC03 RC01 AU02 FC07", client="NW07", broker="- NW07",
    mosquitto="- RC03", paho="- KA12 NW01 KA04 FC03 RC01", all="NW07",
)
def small_mtu(lab):
    lab.broker()
    lab.record()
    lab.path.largest = 700
    lab.paho(id="paho", every=8, size=3000)
    time.sleep(120)


@scenario(
    "12 % of the packets are lost",
    path=True, client="NW08", broker="NW08", mosquitto="-", paho="-", all="NW08",
)
def lossy(lab):
    lab.broker()
    lab.record()
    lab.path.loss = 0.12
    lab.paho(id="paho", every=0.3)
    time.sleep(100)


@scenario(
    "MQTT.js 5.3.4, keep-alive 5 s; what the broker sends is lost for 6 s, once",
    path=True, also="RC01 RC03 KA13 ID02 NW01 KA01", client="KA05", broker="KA05 RC01 RC03 -",
    mosquitto="- RC01 RC03 KA05", js="KA05", all="KA05",
)
def orphan_timer(lab):
    lab.broker()
    lab.record()
    lab.mqttjs(id="js", package="mqtt-5-3-4", keepalive=5)
    time.sleep(14)
    lab.path.cut = {1}
    time.sleep(7)
    lab.path.cut = set()
    time.sleep(70)


# --- The broker.


@scenario(
    "the broker hangs for 60 s",
    also="KA13 NW09 KA04 ID02 RC08", client="KA04 NW09 SV03", mosquitto="-", sub="KA04 KA12 NW09 -",
    js="KA04 KA12 NW09 - RC01", all="KA04 NW09 SV03",
)
def hangs(lab):
    broker = lab.broker()
    lab.record()
    lab.sub("-k", 10, id="sub")
    lab.mqttjs(id="js")
    time.sleep(20)
    broker.send_signal(signal.SIGSTOP)
    time.sleep(60)
    broker.send_signal(signal.SIGCONT)
    time.sleep(20)


@scenario(
    "the broker crashes every 8 s",
    clients=2, also="SV01 SV02 RC01 RC03 NW04", client="SV01 SV02 RC01 RC03 NW04",
    client2="- SV01 SV02 RC01 RC03 NW04", broker="SV01 RC01", mosquitto="SV01",
    js="- RC01 RC03 SV01 NW04", paho="- RC01 RC03 NW04", all="SV01",
)
def crashes(lab):
    lab.record()
    lab.mqttjs(id="js", keepalive=10)
    lab.paho(id="paho", at="c2")
    lab.paho(id="third", log="third.out")
    for _ in range(8):
        broker = lab.broker()
        time.sleep(8)
        stop(broker, signal.SIGKILL)
        time.sleep(1)


@scenario(
    "a restart without persistence loses sessions, and the client does not subscribe again",
    also="SV01 NW04", client="ID04", mosquitto="ID04", paho="ID04", all="ID04",
)
def session_lost(lab):
    broker = lab.broker()
    lab.record()
    lab.paho(id="paho", clean=False, subscribes_once=True, qos=1)
    time.sleep(25)
    stop(broker)
    time.sleep(1)
    lab.broker()
    time.sleep(45)


@scenario(
    "nothing: the same with persistence",
    also="SV01 NW04", client="-", mosquitto="-", paho="-", all="-",
)
def session_kept(lab):
    broker = lab.broker(persistence=True)
    lab.record()
    lab.paho(id="paho", clean=False, subscribes_once=True, qos=1)
    time.sleep(25)
    stop(broker)
    time.sleep(1)
    lab.broker(persistence=True)
    time.sleep(45)


@scenario(
    "max_connections 2, four clients",
    also="RC01 RC03 RC04 SV01 SV03 SV04", client="NW09 SV03 SV04 AU03",
    mosquitto="SV03 SV04 SV01 AU03", js="RC01 NW09 -", all="SV03 SV04 SV01 AU03 NW09",
)
def too_many_clients(lab):
    lab.broker("max_connections 2")
    lab.record()
    for n in (1, 2):
        lab.sub("-k", 10, id=f"sub-{n}", log=f"sub-{n}.out")
    time.sleep(2)
    lab.mqttjs(id="js")
    lab.paho(id="paho", log="paho.out")
    time.sleep(50)


@scenario(
    "nothing to be seen: an ACL forbids to read, but this mosquitto grants the subscription all the same",
    client="-", mosquitto="-", js="-", paho="-", sub="-", all="-",
)
def acl_subscribe(lab):
    (lab.folder / "acl").write_text("topic read other/#\ntopic write out/#\n")
    lab.broker(f"acl_file {lab.folder}/acl")
    lab.record()
    lab.mqttjs(id="js", qos=1)
    lab.paho(id="paho")
    again(lab, 40, lambda: lab.sub("-k", 10, id="sub"), 3)


@scenario(
    "an ACL forbids to publish, MQTT 3.1.1",
    client="-", mosquitto="AU02", js="-", all="AU02",
)
def acl_publish(lab):
    (lab.folder / "acl").write_text("topic read in/#\n")
    lab.broker(f"acl_file {lab.folder}/acl")
    lab.record()
    lab.mqttjs(id="js", every=5, qos=1)
    time.sleep(40)


@scenario(
    "an ACL forbids to publish, MQTT 5",
    client="AU02", mosquitto="AU02", paho="AU02 -", all="AU02",
)
def acl_publish_v5(lab):
    (lab.folder / "acl").write_text("topic read in/#\n")
    lab.broker(f"acl_file {lab.folder}/acl")
    lab.record()
    lab.paho(id="paho", v=5, every=5)
    time.sleep(40)


@scenario(
    "message_size_limit 1000, messages of 2000 bytes, MQTT 3.1.1",
    client="-", mosquitto="LM01", paho="-", all="LM01",
)
def message_too_large(lab):
    lab.broker("message_size_limit 1000")
    lab.record()
    lab.paho(id="paho", every=5, size=2000)
    time.sleep(40)


@scenario(
    "message_size_limit 1000, messages of 2000 bytes, MQTT 5",
    client="LM01 LM06", mosquitto="LM01", js="LM01 -", all="LM01",
)
def message_too_large_v5(lab):
    lab.broker("message_size_limit 1000")
    lab.record()
    lab.mqttjs(id="js", every=5, size=2000, qos=1, protocolVersion=5)
    time.sleep(40)


@scenario(
    "max_packet_size 1000, messages of 2000 bytes",
    also="RC01 RC03", client="LM01 AU02", mosquitto="LM01", js="- RC01 RC03 AU02 LM01",
    all="LM01 AU02",
)
def packet_too_large(lab):
    lab.broker("max_packet_size 1000")
    lab.record()
    lab.mqttjs(id="js", every=5, size=2000, qos=1)
    time.sleep(60)


@scenario(
    "nothing: max_keepalive 20, which this mosquitto does not hold a client of MQTT 3.1.1 to",
    client="-", mosquitto="-", js="-", all="-",
)
def keep_alive_refused(lab):
    lab.broker("max_keepalive 20")
    lab.record()
    lab.mqttjs(id="js", keepalive=60)
    time.sleep(40)


@scenario(
    "a wrong password",
    also="RC01 RC03 RC06", client="AU03 RC06", mosquitto="AU03 RC06", js="AU03 RC06",
    paho="AU03 RC06", all="AU03 RC06",
)
def wrong_password(lab):
    subprocess.run(["mosquitto_passwd", "-c", "-b", lab.folder / "pw", "a", "right"], check=True, capture_output=True)
    lab.broker(f"password_file {lab.folder}/pw", "allow_anonymous false")
    lab.record()
    lab.mqttjs(id="js", username="a", password="wrong", reconnectOnConnackError=True)
    lab.paho(id="paho", user="a", password="wrong")
    time.sleep(50)


@scenario(
    "the password is changed on the broker",
    also="RC01 RC03 RC06", client="AU03 RC06 AU04", mosquitto="AU03 RC06 AU04",
    paho="AU03 RC06 AU04", all="AU03 RC06 AU04",
)
def password_changed(lab):
    def password(word):
        subprocess.run(["mosquitto_passwd", "-c", "-b", lab.folder / "pw", "a", word], check=True, capture_output=True)
    password("old")
    broker = lab.broker(f"password_file {lab.folder}/pw", "allow_anonymous false", log=None)
    lab.record()
    lab.paho(id="paho", user="a", password="old")
    time.sleep(30)
    stop(broker)
    password("new")
    lab.broker(f"password_file {lab.folder}/pw", "allow_anonymous false", log=None)
    time.sleep(50)


@scenario(
    "a supervisor starts mosquitto_sub again and again, which is refused",
    also="RC01 RC04 RC06", client="AU03 RC06", mosquitto="AU03 RC06", sub="AU03 RC06",
    all="AU03 RC06",
)
def supervisor(lab):
    lab.broker("allow_anonymous false")
    lab.record()
    again(lab, 40, lambda: lab.sub("-k", 10, id="sub"), 1)


@scenario(
    "retain_available false, a retained message",
    also="RC01 RC03", client="LM03 AU02", mosquitto="LM03 PR01 RC01", paho="- AU02 LM03 RC01 RC03",
    all="LM03 AU02",
)
def retain_refused(lab):
    lab.broker("retain_available false")
    lab.record()
    lab.paho(id="paho", every=5, retain=True)
    time.sleep(60)


@scenario(
    "max_qos 1, messages of QoS 2",
    also="RC01 RC03 ID06", client="LM02 AU02", mosquitto="LM02 PR01", paho="- LM02 AU02 RC01 RC03",
    all="LM02 AU02",
)
def qos_refused(lab):
    lab.broker("max_qos 1")
    lab.record()
    lab.paho(id="paho", every=5, qos=2)
    time.sleep(60)
