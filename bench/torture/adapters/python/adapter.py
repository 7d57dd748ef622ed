"""paho-mqtt with its defaults, as its README shows.

Called like the Rust adapters (see adapters/rust/src/lib.rs): the network loop
runs in a thread (`loop_start`), subscriptions are made in `on_connect`, and
messages are handled in a thread of the application's unless told otherwise.
"""

import logging
import os
import queue
import sys
import threading
import time
from urllib.parse import urlparse

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

url, client_id, keep_alive = sys.argv[1:4]
hint = dict(text.split("=", 1) for text in sys.argv[4:])
messages: queue.Queue[int] = queue.Queue()
offered: dict[int, int] = {}


def tell(what, about=""):
    about = str(about).replace("\n", " ")
    print(f"{what} {about}", flush=True)


def on_connect(client, userdata, flags, reason_code, properties):
    if reason_code.is_failure:
        tell("attempt-failed", reason_code)
        return
    tell("online")
    filters = int(hint.get("filters", 0))
    if hint.get("together") == "1":
        client.subscribe([(f"torture/in/{n}", 1) for n in range(1, filters + 1)])
        return
    for n in range(1, filters + 1):
        client.subscribe("torture/in/#" if filters == 1 else f"torture/in/{n}", qos=1)


def on_disconnect(client, userdata, flags, reason_code, properties):
    tell("offline", reason_code)


def on_connect_fail(client, userdata):
    tell("attempt-failed")


def on_message(client, userdata, message):
    n = int(message.payload.split(maxsplit=1)[0])
    if hint.get("inline") == "1":
        handle(n)
    else:
        messages.put(n)


def on_publish(client, userdata, mid, reason_code, properties):
    if mid in offered:
        tell("acked", offered[mid])


def handle(n):
    tell("received", n)
    handling = hint.get("handling")
    if handling == "answer":
        try:
            client.publish(f"torture/answer/{n}", str(n), qos=1).wait_for_publish()
        except RuntimeError as error:
            tell("failed", f"{n} {error}")
    elif handling and n == 1:
        time.sleep(int(handling) / 1000)
    tell("handled", n)


def handle_all():
    while True:
        handle(messages.get())


def publish():
    qos = int(hint.get("publish_qos", 0))
    poison = int(hint.get("poison", 0))
    for n in range(1, int(hint.get("publish", 0)) + 1):
        tell("offered", n)
        branch = "poison" if n == poison else "out"
        info = client.publish(f"torture/{branch}/{n}", str(n), qos=qos)
        offered[info.mid] = n
        # With QoS 0 and no connection the message is refused; with QoS 1 it is kept.
        if qos == 0 and info.rc != mqtt.MQTT_ERR_SUCCESS:
            tell("failed", f"{n} {mqtt.error_string(info.rc)}")
        time.sleep(int(hint.get("publish_every_ms", 500)) / 1000)


protocol = mqtt.MQTTv5 if hint.get("v") == "5" else mqtt.MQTTv311
client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=protocol)
if "log" in hint:
    logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(levelname)s %(message)s")
    client.enable_logger()
if "ca" in hint:
    client.tls_set(hint["ca"])
client.on_connect = on_connect
client.on_disconnect = on_disconnect
client.on_connect_fail = on_connect_fail
client.on_message = on_message
client.on_publish = on_publish
if "floor_s" in hint:
    client.reconnect_delay_set(min_delay=int(hint["floor_s"]))
address = urlparse(url)
client.connect(address.hostname, address.port, int(keep_alive))
client.loop_start()
threading.Thread(target=handle_all, daemon=True).start()
threading.Thread(target=publish, daemon=True).start()
# It ends by itself even where nobody is left to end it.
time.sleep(float(hint.get("run_s", 60)))
os._exit(0)
