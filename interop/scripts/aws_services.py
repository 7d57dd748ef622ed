"""AWS's own SDK for Python at an emulated account: its shadow, jobs and identity clients.

aws_services.py PORT CA CERTIFICATE KEY, at localhost, as the thing sdk-thing, which has the job
"flush" to do and the template "pumps" to register by. Prints a line for each answer and ends with
0, or says what went wrong and ends with 1.
"""

import os
import sys
from concurrent.futures import Future
from threading import Event

from awscrt import mqtt5, mqtt_request_response
from awsiot import iotidentity, iotjobs, iotshadow, mqtt5_client_builder
from awsiot import ServiceStreamOptions, V2ServiceException

WAIT = 20
THING = "sdk-thing"


def connect(port, authority, certificate, key):
    online, ended = Event(), Event()
    client = mqtt5_client_builder.mtls_from_path(
        endpoint="localhost",
        port=port,
        ca_filepath=authority,
        cert_filepath=certificate,
        pri_key_filepath=key,
        client_id=THING,
        on_lifecycle_connection_success=lambda _: online.set(),
        on_lifecycle_stopped=lambda _: ended.set(),
    )
    client.start()
    if not online.wait(WAIT):
        sys.exit("no connection")
    return client, ended


def shadows(client, options):
    sdk = iotshadow.IotShadowClientV2(client, options)
    delta = Future()
    stream = sdk.create_shadow_delta_updated_stream(
        iotshadow.ShadowDeltaUpdatedSubscriptionRequest(thing_name=THING),
        ServiceStreamOptions(
            incoming_event_listener=lambda event: delta.done() or delta.set_result(event)
        ),
    )
    stream.open()
    state = iotshadow.ShadowState(reported={"level": 4}, desired={"level": 5})
    updated = sdk.update_shadow(
        iotshadow.UpdateShadowRequest(thing_name=THING, state=state)
    ).result(WAIT)
    print(f"shadow updated: {updated.version}")
    print(f"delta: {delta.result(WAIT).state}")
    got = sdk.get_shadow(iotshadow.GetShadowRequest(thing_name=THING)).result(WAIT)
    print(f"shadow: {got.state.reported} {got.state.delta}")
    sdk.delete_shadow(iotshadow.DeleteShadowRequest(thing_name=THING)).result(WAIT)
    try:
        sdk.get_shadow(iotshadow.GetShadowRequest(thing_name=THING)).result(WAIT)
    except V2ServiceException as error:
        print(f"no shadow: {error.modeled_error.code}")


def jobs(client, options):
    sdk = iotjobs.IotJobsClientV2(client, options)
    pending = sdk.get_pending_job_executions(
        iotjobs.GetPendingJobExecutionsRequest(thing_name=THING)
    ).result(WAIT)
    print(f"queued: {[job.job_id for job in pending.queued_jobs]}")
    started = sdk.start_next_pending_job_execution(
        iotjobs.StartNextPendingJobExecutionRequest(thing_name=THING)
    ).result(WAIT)
    print(f"started: {started.execution.job_document}")
    sdk.update_job_execution(
        iotjobs.UpdateJobExecutionRequest(
            thing_name=THING, job_id="flush", status=iotjobs.JobStatus.SUCCEEDED
        )
    ).result(WAIT)
    left = sdk.get_pending_job_executions(
        iotjobs.GetPendingJobExecutionsRequest(thing_name=THING)
    ).result(WAIT)
    print(f"left: {len(left.queued_jobs) + len(left.in_progress_jobs)}")


def identity(client, options):
    sdk = iotidentity.IotIdentityClientV2(client, options)
    made = sdk.create_keys_and_certificate(
        iotidentity.CreateKeysAndCertificateRequest()
    ).result(WAIT)
    registered = sdk.register_thing(
        iotidentity.RegisterThingRequest(
            template_name="pumps",
            certificate_ownership_token=made.certificate_ownership_token,
            parameters={"SerialNumber": "17"},
        )
    ).result(WAIT)
    print(f"registered: {registered.thing_name}")


def main(port, authority, certificate, key):
    client, ended = connect(int(port), authority, certificate, key)
    options = mqtt_request_response.ClientOptions(
        max_request_response_subscriptions=4,
        max_streaming_subscriptions=2,
        operation_timeout_in_seconds=WAIT,
    )
    shadows(client, options)
    jobs(client, options)
    identity(client, options)
    client.stop(mqtt5.DisconnectPacket())
    ended.wait(WAIT)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
    # Threads of the SDK may crash while Python takes itself apart: all has been said by then.
    sys.stdout.flush()
    os._exit(0)
