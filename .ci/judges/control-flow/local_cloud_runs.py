"""Runs scenarios (from standard input, as written by `run`) with the local cloud's interpreter, patched as
`onboard local` patches it, with stubs instead of tasks. Writes the histories as JSON. Runs in the local cloud's Python
environment."""
import contextvars
import importlib.metadata
import json
import os
import sys
import time
from pathlib import Path

os.environ["SFN_WAIT_SCALE"] = "0"
from ministack.services import stepfunctions as sfn  # noqa: E402
from ministack.services.cloudformation import provisioners  # noqa: E402

CHANGES = Path(__file__).resolve().parents[3] / "local-cloud/emulator"
code = {}
for name in ("patches.py", "history.py", "definitions.py", "states.py", "evaluator.py", "delays.py"):
    exec(compile((CHANGES / name).read_text(encoding="utf-8"), str(CHANGES / name), "exec"), code)

stubs = contextvars.ContextVar("stubs")
state = contextvars.ContextVar("state")
patches = code["Patches"](f"ministack {importlib.metadata.version('ministack')}")


def answer(*_):
    stub = stubs.get()(state.get())
    if "Throw" in stub:
        raise sfn._ExecutionError(stub["Throw"]["Error"], stub["Throw"]["Cause"])
    return stub["Return"]


patches.replace(sfn, "_invoke_resource")(lambda _, resource, data: answer())
patches.replace(sfn, "_invoke_with_callback")(lambda _, resource, data, token, definition: answer())
patches.replace(sfn, "_scaled_sleep")(lambda _, seconds: None)


@patches.replace(sfn, "_execute_task")
def named(execute, definition, raw_input, execution, ctx):
    token = state.set(ctx["State"]["Name"])
    try:
        return execute(definition, raw_input, execution, ctx)
    finally:
        state.reset(token)


code["tell_history_as_step_functions_does"](patches, sfn)
code["run_states_as_step_functions_does"](patches, sfn, provisioners)
code["evaluate_as_the_reference_does"](patches, sfn)
code["start_executions_at_once"](patches, sfn)
patches.apply()


class Stubs:
    """The stubs of a scenario: the task results of each state, in order. The last result repeats."""

    def __init__(self, answers):
        self.answers, self.given = answers, {}

    def __call__(self, name):
        at = self.given[name] = self.given.get(name, -1) + 1
        return self.answers[name][min(at, len(self.answers[name]) - 1)]


def told(response):
    status, _, body = response
    found = json.loads(body)
    if status != 200:
        sys.exit(f"the local cloud's interpreter rejects the definition or the input: {found}")
    return found


def run(number, scenario):
    stubs.set(Stubs(scenario["stubs"]))
    machine = {"name": f"{scenario['machine']}-{number}", "roleArn": "arn:aws:iam::123456789012:role/r"}
    arn = told(sfn._create_state_machine({**machine, "definition": json.dumps(scenario["definition"])}))["stateMachineArn"]
    started = {"stateMachineArn": arn, "name": "run", "input": json.dumps(scenario["input"])}
    execution = sfn._executions[told(sfn._start_execution(started))["executionArn"]]
    until = time.monotonic() + 60
    while not execution["stopDate"] and time.monotonic() < until:
        time.sleep(0.005)
    return {**told(sfn._describe_execution({"executionArn": execution["executionArn"]})), "events": execution["events"]}


json.dump([run(number, scenario) for number, scenario in enumerate(json.load(sys.stdin))], sys.stdout)
