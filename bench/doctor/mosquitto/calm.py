"""Nothing is wrong, or next to nothing."""

import signal
import time

from lab import BROKER, stop
from scenario import again, scenario


@scenario(
    "nothing: three clients, pings and messages",
    clients=2, client="-", client2="-", broker="-", mosquitto="-", sub="-", paho="-", js="-",
    all="-",
)
def healthy(lab):
    lab.broker()
    lab.record()
    lab.sub("-k", 10, id="sub")
    lab.paho(id="paho", every=4)
    lab.mqttjs(id="js", at="c2", every=25, qos=1)
    lab.feed(15)
    time.sleep(80)


@scenario(
    "nothing: the same with Debian's own log types, MQTT 5",
    client="-", mosquitto="-", sub="-", js="-", all="-",
)
def healthy_v5(lab):
    lab.broker("log_timestamp_format %Y-%m-%dT%H:%M:%S", log=None)
    lab.record()
    lab.sub("-k", 10, "-V", 5, id="sub")
    lab.mqttjs(id="js", protocolVersion=5, every=5, qos=1)
    time.sleep(60)


@scenario(
    "nothing: TLS",
    client="-", mosquitto="-", sub="-", all="-",
)
def healthy_tls(lab):
    lab.certificate()
    lab.broker(*lab.tls(), listen=False)
    lab.record()
    lab.sub("-k", 10, "--cafile", lab.ca(), id="sub", port=8883)
    lab.paho(id="paho", port=8883, ca=lab.ca(), every=4)
    lab.feed(15)
    time.sleep(60)


@scenario(
    "nothing: WebSocket",
    client="-", mosquitto="-", js="-", all="-",
)
def healthy_websocket(lab):
    lab.broker("listener 8080", "protocol websockets")
    lab.record()
    lab.mqttjs(id="js", url=f"ws://{BROKER}:8080/mqtt", every=7)
    time.sleep(60)


@scenario(
    "nothing: 50 clients and one that publishes",
    client="-", mosquitto="-", all="-",
)
def fleet(lab):
    lab.broker()
    lab.record()
    for n in range(50):
        lab.sub("-k", 10, id=f"device-{n}", log="fleet.out")
    lab.feed(5)
    time.sleep(60)


@scenario(
    "nothing: a job publishes every 4 s, with one identifier, and disconnects",
    client="-", mosquitto="-", all="-",
)
def cron(lab):
    lab.broker()
    lab.record()
    again(lab, 60, lambda: lab.pub("-q", 1, id="meter-1"), 4)


@scenario(
    "nothing: a shell loop publishes without a pause, with identifiers by chance",
    client="-", mosquitto="-", all="-",
)
def shell_loop(lab):
    lab.broker()
    lab.record()
    again(lab, 40, lambda: lab.pub(id=None), 0.1)


@scenario(
    "nothing: the same with one identifier",
    client="-", mosquitto="-", all="-",
)
def shell_loop_one_id(lab):
    lab.broker()
    lab.record()
    again(lab, 40, lambda: lab.pub("-q", 1, id="meter-1"), 0.1)


@scenario(
    "nothing: a job reads one retained message and ends, again and again",
    client="-", mosquitto="-", all="-",
)
def read_one(lab):
    lab.broker()
    lab.pub("-r", "-t", "in/1", at="b")
    lab.record()
    again(lab, 40, lambda: lab.sub("-C", 1, "-q", 1, id="reader"), 2)


@scenario(
    "nothing: a load balancer looks every 2 s whether the port is open",
    client="-", mosquitto="-", sub="-", all="-",
)
def health_check(lab):
    lab.broker()
    lab.record()
    lab.sub("-k", 10, id="sub")
    check = f"import socket; socket.create_connection(('{BROKER}', 1883)).close()"
    again(lab, 60, lambda: lab.run("c1", ["python3", "-c", check]), 2)


@scenario(
    "nothing: the broker is restarted once, as planned",
    also="SV01", client="- SV01", mosquitto="- SV01", sub="-", js="-", all="- SV01",
)
def restarted_once(lab):
    broker = lab.broker(persistence=True)
    lab.record()
    lab.sub("-k", 10, "-c", "-q", 1, id="sub")
    lab.mqttjs(id="js")
    lab.paho(id="paho")
    time.sleep(30)
    stop(broker)
    time.sleep(2)
    lab.broker(persistence=True)
    time.sleep(40)


@scenario(
    "nothing: mosquitto reads its settings again",
    client="-", mosquitto="-", sub="-", all="-",
)
def reload(lab):
    broker = lab.broker()
    lab.record()
    lab.sub("-k", 10, id="sub")
    for _ in range(5):
        time.sleep(10)
        broker.send_signal(signal.SIGHUP)
    time.sleep(5)


@scenario(
    "nothing: a laptop sleeps for 45 s",
    path=True, client="- NW02", broker="- NW02", mosquitto="- NW02 ID02", js="- NW02", all="- NW02",
)
def laptop_sleeps(lab):
    lab.broker()
    lab.record()
    js = lab.mqttjs(id="js")
    time.sleep(25)
    js.send_signal(signal.SIGSTOP)
    lab.path.cut = {0, 1}
    time.sleep(45)
    lab.path.cut = set()
    js.send_signal(signal.SIGCONT)
    time.sleep(40)


@scenario(
    "nothing: another network once, and another address",
    path=True, also="ID02", client="- NW03", mosquitto="- NW03 ID02", broker="- NW03 ID02", sub="-",
    all="- NW03",
)
def roaming(lab):
    lab.broker()
    lab.record()
    lab.sub("-k", 10, id="sub")
    time.sleep(25)
    lab.ip("c1", "addr", "add", "10.0.1.7/24", "dev", "eth0")
    lab.ip("c1", "addr", "del", "10.0.1.2/24", "dev", "eth0")
    lab.ip("c1", "addr", "replace", "10.0.1.7/24", "dev", "eth0")
    lab.ip("c1", "route", "replace", "default", "via", "10.0.1.1")
    time.sleep(60)


@scenario(
    "nothing: a bridge between two brokers",
    client="-", mosquitto="-", edge="-", all="-",
)
def bridge(lab):
    lab.broker()
    lab.record()
    lab.broker("connection cloud", f"address {BROKER}:1883", "topic # both 1", "keepalive_interval 10",
               "remote_clientid edge-1", name="edge", at="c1")
    lab.feed(5)
    time.sleep(60)


@scenario(
    "nothing: 600 ms to the broker and back",
    path=True, client="-", broker="-", mosquitto="-", sub="-", all="-",
)
def far_away(lab):
    lab.broker()
    lab.record()
    lab.path.delay = 0.3
    lab.sub("-k", 10, id="sub")
    lab.paho(id="paho", every=5)
    lab.feed(7)
    time.sleep(60)


@scenario(
    "nothing to speak of: 1 % of the packets are lost",
    path=True, client="-", broker="-", mosquitto="-", sub="-", all="-",
)
def one_percent_lost(lab):
    lab.broker()
    lab.record()
    lab.path.loss = 0.01
    lab.sub("-k", 10, id="sub")
    lab.paho(id="paho", every=0.3)
    time.sleep(60)


@scenario(
    "nothing: the link is away for 3 s, three times",
    path=True, client="-", broker="-", mosquitto="-", sub="-", all="-",
)
def short_cuts(lab):
    lab.broker()
    lab.record()
    lab.sub("-k", 10, id="sub")
    lab.paho(id="paho", every=5)
    for _ in range(3):
        time.sleep(20)
        lab.path.cut = {0, 1}
        time.sleep(3)
        lab.path.cut = set()
    time.sleep(15)


@scenario(
    "nothing: the broker hangs for 3 s, once",
    client="-", mosquitto="-", sub="-", all="-",
)
def hiccup(lab):
    broker = lab.broker()
    lab.record()
    lab.sub("-k", 10, id="sub")
    lab.paho(id="paho", every=5)
    time.sleep(20)
    broker.send_signal(signal.SIGSTOP)
    time.sleep(3)
    broker.send_signal(signal.SIGCONT)
    time.sleep(30)


@scenario(
    "nothing: a client with a will crashes once and is started again",
    client="-", mosquitto="-", all="-",
)
def crashes_once(lab):
    lab.broker()
    lab.record()
    lab.sub("-t", "state", id="watcher", log="watcher.out")
    first = lab.paho(id="pump", will=True, log="pump.out", every=5)
    time.sleep(25)
    stop(first, signal.SIGKILL)
    time.sleep(3)
    lab.paho(id="pump", will=True, log="pump.out", every=5)
    time.sleep(30)


@scenario(
    "a program sends one message every 3 s and closes without DISCONNECT, like one that crashes",
    client="- RC01 RC03", mosquitto="- RC01 RC03", all="- RC01 RC03",
)
def no_goodbye(lab):
    lab.broker()
    lab.record()
    words = ("import socket\ns = socket.create_connection(('%s', 1883))\n"
             "s.sendall(bytes.fromhex('101100044d5154540402000a0005') + b'meter')\ns.recv(9)\n"
             "s.sendall(b'\\x30\\x08\\0\\x05out/1' + b'1')\ns.close()" % BROKER)
    again(lab, 50, lambda: lab.run("c1", ["python3", "-c", words]), 3)


@scenario(
    "nothing: no keep-alive, a message every 20 s",
    client="-", mosquitto="-", paho="-", all="-",
)
def no_keep_alive(lab):
    lab.broker()
    lab.record()
    lab.paho(id="paho", keep_alive=0, every=20)
    time.sleep(70)


@scenario(
    "nothing: max_keepalive 10 for a client of MQTT 5 that asks for 60",
    client="-", mosquitto="-", sub="-", all="-",
)
def server_keep_alive(lab):
    lab.broker("max_keepalive 10")
    lab.record()
    lab.sub("-k", 60, "-V", 5, id="sub")
    time.sleep(60)
