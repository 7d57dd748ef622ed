"""AWS's own SDK for Python: comes in one way, publishes, and receives what it published.

aws_sdk.py WAY PORT CA [CERTIFICATE KEY], at localhost; WAY is certificate, websocket or authorizer.
Prints "received: PAYLOAD" and ends with 0, or says what went wrong and ends with 1.
"""

import os
import sys
from threading import Event

from awscrt import auth, mqtt5
from awsiot import mqtt5_client_builder

WAIT = 20
TOPIC = "site/7/level"


def client(way, port, authority, files, **handlers):
    common = dict(
        endpoint="localhost",
        port=port,
        ca_filepath=authority,
        client_id=f"aws-sdk-{way}",
        **handlers,
    )
    if way == "certificate":
        certificate, key = files
        return mqtt5_client_builder.mtls_from_path(
            cert_filepath=certificate, pri_key_filepath=key, **common
        )
    if way == "websocket":
        keys = auth.AwsCredentialsProvider.new_static("AKIDEXAMPLE", "s3cret", "to/ken+=")
        return mqtt5_client_builder.websockets_with_default_aws_signing(
            region="us-east-1", credentials_provider=keys, **common
        )
    return mqtt5_client_builder.direct_with_custom_authorizer(
        auth_authorizer_name="Fleet",
        auth_username="pump",
        auth_password=b"pass",
        auth_token_key_name="tok",
        auth_token_value="t0ken",
        auth_authorizer_signature="c2ln+/==",
        **common,
    )


def main(way, port, authority, *files):
    online, received, ended = Event(), Event(), Event()
    said = []

    def failed(data):
        said.append(f"cannot connect: {data.exception}")

    def message(data):
        said.append(data.publish_packet.payload.decode())
        received.set()

    sdk = client(
        way,
        int(port),
        authority,
        files,
        on_lifecycle_connection_success=lambda _: online.set(),
        on_lifecycle_connection_failure=failed,
        on_lifecycle_stopped=lambda _: ended.set(),
        on_publish_received=message,
    )
    sdk.start()
    if not online.wait(WAIT):
        sys.exit("; ".join(said) or "no connection")
    at_least_once = mqtt5.QoS.AT_LEAST_ONCE
    filters = [mqtt5.Subscription(topic_filter=TOPIC, qos=at_least_once)]
    sdk.subscribe(mqtt5.SubscribePacket(subscriptions=filters)).result(WAIT)
    packet = mqtt5.PublishPacket(topic=TOPIC, payload=f"by {way}", qos=at_least_once)
    done = sdk.publish(packet).result(WAIT)
    if done.puback.reason_code != mqtt5.PubackReasonCode.SUCCESS:
        sys.exit(f"not acknowledged: {done.puback.reason_code}")
    if not received.wait(WAIT):
        sys.exit("nothing received")
    # Without a packet the SDK closes without DISCONNECT.
    sdk.stop(mqtt5.DisconnectPacket())
    ended.wait(WAIT)
    print(f"received: {said[-1]}")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
    # Threads of the SDK may crash while Python takes itself apart: all has been said by then.
    sys.stdout.flush()
    os._exit(0)
