"""paho-mqtt as a device at AWS IoT Core.

    python client.py HOST PORT CLIENT_ID TOPIC publish|subscribe|shadow [CA CERT KEY]
"""

import sys

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

host, port, client_id, topic, what, *files = sys.argv[1:]


def on_connect(client, userdata, flags, reason_code, properties):
    if what == "subscribe" and not flags.session_present:
        client.subscribe(topic, qos=1)


client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False)
client.on_connect = on_connect
client.on_message = lambda client, userdata, message: print(message.topic, message.payload)
# The first delay, which doubles up to the last one.
client.reconnect_delay_set(min_delay=1, max_delay=60)
if files:
    client.tls_set(*files)
client.connect_async(host, int(port), keepalive=30)
if what == "publish":
    client.publish(topic, "hello", qos=1)
elif what == "shadow":
    state = '{"state":{"reported":{"level":4.2}}}'
    client.publish(f"$aws/things/{client_id}/shadow/update", state, qos=1)
client.loop_forever(retry_first_connection=True)
