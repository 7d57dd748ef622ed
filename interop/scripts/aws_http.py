"""AWS's own SDK for Python (boto3) at the HTTP API of an emulated account.

aws_http.py PORT CA, at localhost, with the keys AKIDEXAMPLE, which may do everything, and
AKIDNOBODY, which may do nothing; the thing sdk-thing has the job "flush" to do. Prints a line for
each answer.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

THING = "sdk-thing"


def client(service, key="AKIDEXAMPLE", secret="s3cret"):
    _, port, authority = sys.argv
    return boto3.client(
        service,
        endpoint_url=f"https://localhost:{port}",
        verify=authority,
        region_name="eu-west-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"max_attempts": 1}),
    )


def refused(ask):
    """The exception's name and status, and what is said."""
    try:
        ask()
    except ClientError as error:
        answer = error.response
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        said = answer["Error"]
        return f"{said['Code']} {status} {said['Message']}"
    return "nothing was refused"


def messages(data):
    data.publish(
        topic="site/7/level",
        qos=1,
        retain=True,
        payload=b"4.2",
        contentType="text/plain",
        responseTopic="site/7/answers",
        messageExpiry=600,
        payloadFormatIndicator="UTF8_DATA",
        correlationData="AQI=",
        userProperties=[{"unit": "m"}],
    )
    data.publish(topic="site/8 a=b&c", qos=0, retain=True, payload=b"5")
    print(f"publish: {refused(lambda: data.publish(topic='site/#', payload=b''))}")
    got = data.get_retained_message(topic="site/7/level")
    print(f"retained: {got['payload']} qos {got['qos']} {json.loads(got['userProperties'])}")
    page = data.list_retained_messages(maxResults=1)
    pages = [page["retainedTopics"]]
    pages.append(data.list_retained_messages(nextToken=page["nextToken"])["retainedTopics"])
    print(f"pages: {[[one['topic'] for one in page] for page in pages]}")
    paginator = data.get_paginator("list_retained_messages")
    found = paginator.paginate(PaginationConfig={"PageSize": 1}).search("retainedTopics[].topic")
    print(f"paginator: {list(found)}")
    print(f"none: {refused(lambda: data.get_retained_message(topic='nothing'))}")


def shadows(data):
    payload = json.dumps({"state": {"desired": {"level": 5}, "reported": {"level": 4}}})
    for name in [{}, {"shadowName": "a"}, {"shadowName": "b"}]:
        updated = data.update_thing_shadow(thingName=THING, payload=payload, **name)
    print(f"updated: {json.load(updated['payload'])['version']}")
    got = json.load(data.get_thing_shadow(thingName=THING)["payload"])
    print(f"delta: {got['state']['delta']}")
    print(f"named: {data.list_named_shadows_for_thing(thingName=THING)['results']}")
    stale = json.dumps({"state": {}, "version": 9})
    print(f"stale: {refused(lambda: data.update_thing_shadow(thingName=THING, payload=stale))}")
    data.delete_thing_shadow(thingName=THING)
    try:
        data.get_thing_shadow(thingName=THING)
    except data.exceptions.ResourceNotFoundException as error:
        print(f"deleted: {error.response['Error']['Message']}")


def jobs(api):
    pending = api.get_pending_job_executions(thingName=THING)
    print(f"queued: {[job['jobId'] for job in pending['queuedJobs']]}")
    started = api.start_next_pending_job_execution(thingName=THING)["execution"]
    print(f"started: {started['jobDocument']}")
    described = api.describe_job_execution(thingName=THING, jobId="$next")["execution"]
    print(f"described: {described['status']} {described['versionNumber']}")
    done = {"thingName": THING, "jobId": "flush", "status": "SUCCEEDED"}
    print(f"stale: {refused(lambda: api.update_job_execution(expectedVersion=9, **done))}")
    state = api.update_job_execution(includeJobExecutionState=True, **done)["executionState"]
    print(f"done: {state['status']}")
    print(f"again: {refused(lambda: api.update_job_execution(**done))}")
    print(f"over: {refused(lambda: api.describe_job_execution(thingName=THING, jobId='flush'))}")


def main():
    data = client("iot-data")
    messages(data)
    shadows(data)
    jobs(client("iot-jobs-data"))
    print(f"gone: {refused(lambda: data.delete_connection(clientId='nobody'))}")
    for key, secret in [("AKIDNOBODY", "s3cret"), ("AKIDEXAMPLE", "wrong"), ("AKIDOTHER", "x")]:
        other = client("iot-data", key, secret)
        print(f"{key}: {refused(lambda: other.publish(topic='a', payload=b''))}")


main()
