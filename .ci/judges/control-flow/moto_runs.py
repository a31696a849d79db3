"""Runs scenarios (from standard input, as written by `run`) with moto's Step Functions interpreter, with stubs instead
of tasks. Writes the histories as JSON.

moto contains LocalStack's interpreter, but not the Java library with which LocalStack evaluates JSONata, so every
JSONata expression fails.
This program replaces the evaluator with the reference implementation in the version that AWS documents
(expressions.mjs), with complete values and with the functions that Step Functions adds.
"""
import datetime
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
import boto3  # noqa: E402
import moto.stepfunctions.parser.models  # noqa: E402, F401 - loads every module of the interpreter
from moto import mock_aws  # noqa: E402
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException  # noqa: E402
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl  # noqa: E402
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction  # noqa: E402
from moto.stepfunctions.parser.asl.eval import environment  # noqa: E402
from moto.stepfunctions.parser.asl.jsonata.jsonata import JSONataException  # noqa: E402
from moto.stepfunctions.parser.mocking.mock_config import MockedResponseReturn, MockedResponseThrow  # noqa: E402

SECONDS = 60
NAMES = re.compile(r"\$[A-Za-z_]\w*(?:\.\w+)*")


class Evaluator:
    """The reference implementation of JSONata, in a Node.js process."""

    def __init__(self):
        command = ["node", sys.argv[1]]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lock, self.times = threading.Lock(), 0

    def __call__(self, expression):
        with self.lock:
            self.times += 1
            self.process.stdin.write(json.dumps(expression) + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise JSONataException("UNKNOWN", answer["error"])
        return answer.get("value")


def written(time):
    """A time in the format of the Step Functions context object."""
    return time.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def declarations(bindings):
    """Declares variables. Replaces moto's function, which does not escape text."""
    return "".join(f"{name}:={json.dumps(value, default=written)};" for name, value in bindings.items())


evaluate = Evaluator()
CHANGED = {
    "eval_jsonata_expression": evaluate,
    "encode_jsonata_variable_declarations": declarations,
    # In a filter of an expression, `$` is the item that is tested. Without this change, moto reports `$` as an unknown
    # variable.
    "extract_jsonata_variable_references": lambda text: set(NAMES.findall(text or "")),
    # moto's own definitions of the functions that Step Functions adds are not used, because expressions.mjs already
    # defines these functions.
    "get_intrinsic_functions_declarations": lambda variable_references: "",
}
for module in [module for name, module in sys.modules.items() if name.startswith("moto.stepfunctions.parser.")]:
    for name, function in CHANGED.items():
        if hasattr(module, name):
            setattr(module, name, function)


class NoTime:
    def __getattr__(self, name):
        return (lambda seconds: None) if name == "sleep" else getattr(time, name)


def with_the_stubs_error(from_error):
    """Keeps the error name of a stub. Without this function, moto replaces it with a general error name."""
    return lambda self, env, ex: ex.failure_event if isinstance(ex, FailureEventException) else from_error(self, env, ex)


for name, module in list(sys.modules.items()):
    for kind in vars(module).values() if ".state_task.service." in name else ():
        if isinstance(kind, type) and "_from_error" in vars(kind) and not hasattr(kind._from_error, "changed"):
            kind._from_error = with_the_stubs_error(kind._from_error)
            kind._from_error.changed = True

retrier_decl.time = NoTime()
WaitFunction._wait_interval = lambda self, env, wait_seconds: None


class Stubs:
    """The stubs of a scenario: the task results of each state, in order. The last result repeats."""

    def __init__(self, scenario):
        self.scenario, self.given = scenario, {}

    def __call__(self, name, is_function):
        at = self.given[name] = self.given.get(name, -1) + 1
        answers = self.scenario["stubs"][name]
        answer = answers[min(at, len(answers) - 1)]
        if "Throw" in answer:
            return MockedResponseThrow(0, 0, answer["Throw"]["Error"], answer["Throw"]["Cause"])
        # For a Lambda function, moto expects the whole Invoke response and extracts the payload from it.
        return MockedResponseReturn(0, 0, {"StatusCode": 200, "Payload": answer["Return"]} if is_function else answer["Return"])


current = {}


def stubbed(env):
    name = env.next_state_name
    return current["stubs"](name, current["scenario"]["functions"].get(name, False))


environment.Environment.is_mocked_mode = lambda self: True
environment.Environment.get_current_mocked_response = stubbed


def plain(value):
    """Events as plain JSON, with dates as text."""
    return json.loads(json.dumps(value, default=str))


@mock_aws(config={"stepfunctions": {"execute_state_machine": True}})
def main():
    client, machines, found = boto3.client("stepfunctions"), {}, []
    for number, scenario in enumerate(json.load(sys.stdin)):
        current.update(scenario=scenario, stubs=Stubs(scenario))
        definition = json.dumps(scenario["definition"])
        # moto needs more time to parse a definition than to run it, so a state machine is created only once for each
        # definition.
        if definition not in machines:
            machine = {"name": f"{scenario['machine']}-{number}", "definition": definition, "roleArn": "arn:aws:iam::123456789012:role/r"}
            machines[definition] = client.create_state_machine(**machine)["stateMachineArn"]
        started = {"stateMachineArn": machines[definition], "name": f"run-{number}", "input": json.dumps(scenario["input"])}
        arn = client.start_execution(**started)["executionArn"]
        until = time.monotonic() + SECONDS
        while (told := client.describe_execution(executionArn=arn))["status"] == "RUNNING" and time.monotonic() < until:
            time.sleep(0.02)
        events, page = [], {"executionArn": arn, "maxResults": 1000}
        while page:
            history = client.get_execution_history(**page)
            events += history["events"]
            page = history.get("nextToken") and {**page, "nextToken": history["nextToken"]}
        found.append(plain({**{name: told.get(name) for name in ("status", "output", "error", "cause")}, "events": events}))
    json.dump({"runs": found, "expressions": evaluate.times}, sys.stdout)


main()
