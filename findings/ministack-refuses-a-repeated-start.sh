#!/usr/bin/env bash
# ministack rejects a repeated start of a running Standard execution with the same name and input.
#
# version:  ministack 1.5.33, boto3 1.43.106 (PyPI)
# expected: the API reference of StartExecution says that the call is idempotent while the execution runs: a call with
#           the same name and input returns the same ARN and start date. A call with the same name and a different input
#           is rejected.
# seen:     ministack returns ExecutionAlreadyExists for the same input as well as for a different input.
# matters:  a program that repeats the call after a lost response works in AWS, but fails with ministack.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${emulator:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check ministack==1.5.33 boto3==1.43.106
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cd "$work"
env -i PATH="$work/venv/bin:$PATH" HOME="$work" BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" MINISTACK_HOST=127.0.0.1 ministack >log 2>&1 &
emulator=$!
env -i PATH="$PATH" "$work/venv/bin/python" - "$port" >seen <<'PYTHON'
import json
import sys
import time
import urllib.request

import boto3

url = f"http://127.0.0.1:{sys.argv[1]}"
for _ in range(600):
    try:
        urllib.request.urlopen(f"{url}/_ministack/ready").read()
        break
    except OSError:
        time.sleep(0.1)


def client(service):
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


states = client("stepfunctions")
definition = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}}
machine = states.create_state_machine(name="m", definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/r")
for data in ('{"a": 1}', '{"a": 1}', '{"a": 2}'):
    try:
        states.start_execution(stateMachineArn=machine["stateMachineArn"], name="one", input=data)
        print(data, "started")
    except states.exceptions.ExecutionAlreadyExists:
        print(data, "ExecutionAlreadyExists")
PYTHON
diff - seen <<'SEEN'
{"a": 1} started
{"a": 1} ExecutionAlreadyExists
{"a": 2} ExecutionAlreadyExists
SEEN
cat seen
