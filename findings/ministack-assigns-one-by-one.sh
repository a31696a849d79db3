#!/usr/bin/env bash
# ministack assigns the variables of a state one after another, and accepts a Choice condition that is not a Boolean.
#
# version:  ministack 1.5.33, boto3 1.43.106 (PyPI)
# expected: ministack follows the Amazon States Language: all expressions of Assign use the values that the variables
#           had before the state, so two variables can be swapped. A condition that is not a Boolean fails the
#           execution. Every state can define its result with Output.
# seen:     the expression of the second variable gets the new value of the first variable. The condition 1 counts as
#           true.
#           Output is ignored in Parallel and Succeed.
# matters:  a state machine can pass every local test and take another path in AWS.
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
for _ in range(300):
    try:
        urllib.request.urlopen(f"{url}/_ministack/ready").read()
        break
    except OSError:
        time.sleep(0.1)
states = boto3.client("stepfunctions", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


def run(name, first, **others):
    definition = {"QueryLanguage": "JSONata", "StartAt": "First", "States": {"First": first, **others}}
    machine = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/r")
    execution = states.start_execution(stateMachineArn=machine["stateMachineArn"], input="{}")["executionArn"]
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.1)
    print(f"{name}: {found['status']} {found.get('output')}")


def last(output):
    return {"Type": "Pass", "Output": output, "End": True}


run("swap", {"Type": "Pass", "Assign": {"a": 1, "b": 2}, "Next": "Swap"},
    Swap={"Type": "Pass", "Assign": {"a": "{% $b %}", "b": "{% $a %}"}, "Next": "Done"}, Done=last("{% [$a, $b] %}"))
run("condition", {"Type": "Choice", "Choices": [{"Condition": "{% 1 %}", "Next": "Yes"}], "Default": "No"},
    Yes=last("yes"), No=last("no"))
branch = {"StartAt": "One", "States": {"One": {"Type": "Pass", "Output": 1, "End": True}}}
run("parallel", {"Type": "Parallel", "Branches": [branch], "Output": {"first": "{% $states.result[0] %}"}, "End": True})
run("succeed", {"Type": "Succeed", "Output": "done"})
PYTHON
diff - seen <<'SEEN'
swap: SUCCEEDED [2, 2]
condition: SUCCEEDED "yes"
parallel: SUCCEEDED [1]
succeed: SUCCEEDED {}
SEEN
cat seen
