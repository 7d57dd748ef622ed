"""paho-mqtt, MQTT 3.1.1: its loop runs in a thread of the library's
(`loop_start`), messages are published from the main thread as the window takes
them. Does what clients/common/src/lib.rs describes."""

import json
import sys
import threading
import time
from urllib.parse import urlparse

import paho.mqtt.client as mqtt

TOPIC = "bench/00"
FILTER = "bench/#"
ANSWERS = "answer/00"


def status(name):
    with open("/proc/self/status", encoding="utf-8") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))


class Meter:
    def __init__(self):
        self.start = time.monotonic()
        self.cpu = time.process_time()

    def finish(self, messages):
        seconds = time.monotonic() - self.start
        cpu = time.process_time() - self.cpu
        result = {"messages": messages, "seconds": seconds, "cpu": cpu, "rss": status("VmHWM")}
        print(json.dumps(result), flush=True)


def connect(args, on_message=None, on_publish=None):
    url = urlparse(args["url"])
    transport = "websockets" if url.scheme == "ws" else "tcp"
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="speed", transport=transport)
    if url.scheme == "mqtts":
        client.tls_set(args["ca"])
    online = threading.Event()
    client.on_connect = lambda *_: online.set()
    client.on_message = on_message
    client.on_publish = on_publish
    client.max_inflight_messages_set(int(args.get("window", 1)))
    client.connect(url.hostname, url.port, int(args.get("keep_alive", 60)))
    client.loop_start()
    assert online.wait(10), "online"
    return client


def publish(args):
    count, qos, size = (int(args[key]) for key in ("count", "qos", "size"))
    places = threading.Semaphore(int(args["window"]))
    client = connect(args, on_publish=lambda *_: places.release())
    payload = b"x" * size
    meter = Meter()
    for _ in range(count):
        places.acquire()
        info = client.publish(TOPIC, payload, qos)
    if qos == 0:
        # Once the server acknowledges this one, it has all before it.
        info = client.publish(TOPIC, payload, 1)
        info.wait_for_publish()
    else:
        for _ in range(int(args["window"])):
            places.acquire()
    meter.finish(count)


def receive(args):
    count, qos, size = (int(args[key]) for key in ("count", "qos", "size"))
    left, done = count, threading.Event()

    def on_message(_client, _data, message):
        nonlocal left
        assert len(message.payload) == size
        left -= 1
        if left == 0:
            done.set()

    client = connect(args, on_message)
    meter = Meter()
    client.subscribe(FILTER, qos)
    done.wait()
    meter.finish(count)


def answer(args):
    left, done, meters = int(args["count"]), threading.Event(), []

    def on_message(client, _data, message):
        nonlocal left
        if not meters:
            meters.append(Meter())
        client.publish(ANSWERS, message.payload, 0)
        left -= 1
        if left == 0:
            done.set()

    client = connect(args, on_message)
    client.subscribe(FILTER, 0)
    done.wait()
    meters[0].finish(int(args["count"]))
    time.sleep(0.5)  # the loop's thread writes the last answers
    client.disconnect()


def main():
    args = dict(arg.split("=", 1) for arg in sys.argv[1:])
    {"publish": publish, "receive": receive, "answer": answer}[args["mode"]](args)


main()
