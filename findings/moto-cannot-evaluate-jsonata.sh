#!/usr/bin/env bash
# moto creates a state machine that uses JSONata, but every execution fails at the first expression.
#
# version:  moto 5.2.5 (PyPI), with moto[stepfunctions]
# expected: moto evaluates the expression `1 + 1`, or rejects the definition because it cannot evaluate JSONata.
# seen:     CreateStateMachine accepts the definition. The execution fails with States.Runtime and "TypeError('NoneType'
#           object is not callable)". The same state machine succeeds if it uses JSONPath.
# matters:  the failure looks like a fault of the state machine. Its cause is that moto contains LocalStack's
#           interpreter, but not the Java library with which LocalStack evaluates JSONata.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[stepfunctions]==5.2.5'
cat >"$work/run.py" <<'PYTHON'
import json
import logging
import time

import boto3
from moto import mock_aws

logging.disable(logging.CRITICAL)
RESULT = {"JSONata": {"Output": "{% 1 + 1 %}"}, "JSONPath": {"Result": 2}}


@mock_aws(config={"stepfunctions": {"execute_state_machine": True}})
def main():
    client = boto3.client("stepfunctions", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    for language, result in RESULT.items():
        states = {"Add": {"Type": "Pass", **result, "End": True}}
        definition = json.dumps({"QueryLanguage": language, "StartAt": "Add", "States": states})
        machine = client.create_state_machine(name=language, definition=definition, roleArn="arn:aws:iam::123456789012:role/r")
        execution = client.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
        while (told := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
            time.sleep(0.1)
        print(language, told["status"], told.get("output"), told.get("error"), told.get("cause"))


main()
PYTHON
"$work/venv/bin/python" "$work/run.py" >"$work/seen" 2>"$work/log"
diff - "$work/seen" <<'SEEN'
JSONata FAILED None States.Runtime TypeError('NoneType' object is not callable)
JSONPath SUCCEEDED 2 None None
SEEN
cat "$work/seen"
