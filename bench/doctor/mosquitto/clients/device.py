"""paho-mqtt as an application would use it; its options come as JSON."""

import json
import logging
import sys
import threading
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

option = json.loads(sys.argv[1])
logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
version = mqtt.MQTTv5 if option.get("v") == 5 else mqtt.MQTTv311
more = {} if version == mqtt.MQTTv5 else {"clean_session": option.get("clean", True)}
client = mqtt.Client(CallbackAPIVersion.VERSION2, option["id"], protocol=version,
                     manual_ack=option.get("never_acks", False), **more)
client.enable_logger()
filters = [(topic, option.get("qos", 0)) for topic in option.get("topics", ["in/#"])]


def on_connect(client, userdata, flags, reason_code, properties):
    if not option.get("subscribes_once") and not reason_code.is_failure and filters:
        client.subscribe(filters)


def on_message(client, userdata, message):
    time.sleep(option.get("handler", 0))


def publish():
    while True:
        time.sleep(option["every"])
        client.publish(option.get("topic", "out/1"), "x" * option.get("size", 1), option.get("qos", 1),
                       option.get("retain", False))


client.on_connect, client.on_message = on_connect, on_message
if "user" in option:
    client.username_pw_set(option["user"], option["password"])
if "will" in option:
    client.will_set("state", "offline", 1, option.get("will_retain", False))
if "ca" in option:
    client.tls_set(option["ca"])
client.connect_async(option["host"], option["port"], option.get("keep_alive", 10))
client.loop_start()
if option.get("subscribes_once"):
    time.sleep(2)
    client.subscribe(filters)
if "every" in option:
    threading.Thread(target=publish, daemon=True).start()
time.sleep(3600)
