"""The first check of the function `instance-quota`, written in Python: one `connect:ListInstances` call with boto3.

`serve` replaces Lambda's Python runtime: it requests events from the Runtime API, with the standard library only.
"""
import http.client
import json
import os

import boto3

connect = boto3.client("connect")


def handler(event):
    found = connect.list_instances(MaxResults=10)["InstanceSummaryList"]
    if any(instance["InstanceAlias"] == event["alias"] for instance in found):
        return {"status": "SUFFICIENT", "value": len(found)}
    return {"status": "PENDING", "value": len(found)}


def serve():
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    base = "/2018-06-01/runtime/invocation"
    while True:
        api.request("GET", f"{base}/next")
        answer = api.getresponse()
        event = json.load(answer)
        request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
        api.request("POST", f"{base}/{request_id}/response", json.dumps(handler(event)))
        api.getresponse().read()


serve()
