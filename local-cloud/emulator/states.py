"""Runs states as strictly as Step Functions. The unchanged emulator accepts state machines, inputs and
results that Step Functions rejects.

Sources: the Step Functions developer guide, "Handling errors in workflows", "Passing data between states with
variables" and "Service quotas"."""
import json
import re
import time

NAME = re.compile(r"""[^\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}""")  # a valid execution name
LIMIT = 262_144  # maximum UTF-8 bytes of an input, output, task argument, task result, variable or Assign
ALL_VARIABLES = 10 * 1024 * 1024  # maximum total size of the variables of one execution, in bytes


def size(value):
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def run_states_as_step_functions_does(patches, sfn, templates):
    patches.needs(sfn, "_ExecutionError", "_apply_jsonata_template", "_jsonata_state_field", "_state_query_language", "error_response_json")

    def within_the_limit(value, what):
        if size(value) > LIMIT:
            cause = f"The state/task '{what}' returned a result with a size exceeding the maximum number of bytes service limit."
            raise sfn._ExecutionError("States.DataLimitExceeded", cause)
        return value

    def name(ctx):
        return ((ctx or {}).get("State") or {}).get("Name", "")

    @patches.replace(sfn.jsonata.Timebox, "check_runaway")
    def check_in_processor_time(check, box):
        """Limits an expression to one second of CPU time of its thread. The evaluator itself measures real time, which
        also passes while the thread does not run."""
        now = time.thread_time()
        begun = box.__dict__.setdefault("begun", now)
        box.time = box.current_milli_time() - int((now - begun) * 1000)
        check(box)

    @patches.replace(sfn._ExecutionError, "__init__")
    def fail(init, error_object, error, cause):
        # In AWS, the error of a timeout has no cause text.
        init(error_object, error, "" if error == "States.Timeout" else cause)

    @patches.replace(sfn, "_error_matches")
    def matches(_, names, error):
        if error == "States.Runtime":
            return False  # always ends the execution, even if a Catch or Retry lists this error
        if error in names:
            return True
        if error == "States.DataLimitExceeded":
            return False  # can be caught only by its own name, not by a wildcard
        return "States.ALL" in names or ("States.TaskFailed" in names and error != "States.Timeout")

    @patches.replace(sfn, "_apply_jsonata_arguments")
    def arguments(apply, definition, given, ctx=None):
        return within_the_limit(apply(definition, given, ctx), name(ctx))

    @patches.replace(sfn, "_apply_jsonata_output")
    def output(apply, definition, given, ctx=None, *rest, **named):
        return within_the_limit(apply(definition, given, ctx, *rest, **named), name(ctx))

    @patches.replace(sfn, "_invoke_resource")
    def invoke(run, resource, data):
        return within_the_limit(run(resource, data), resource)

    @patches.replace(sfn, "_invoke_with_callback")
    def wait(run, resource, data, token, definition):
        return within_the_limit(run(resource, data, token, definition), resource)

    @patches.replace(sfn, "_apply_state_assign")
    def assign(_, definition, given, ctx, result=None, error_output=None):
        """Evaluates all expressions of an Assign with the values that the variables had before. Assigns either all of
        the variables or none."""
        wanted = definition.get("Assign")
        if ctx is None or sfn._state_query_language(definition, ctx) != "JSONata" or not isinstance(wanted, dict):
            return
        values = {
            variable: sfn._apply_jsonata_template(template, given, ctx, result=result, error_output=error_output)
            for variable, template in wanted.items()
        }
        within_the_limit(values, name(ctx))
        variables = ctx.setdefault("variables", {})
        if size({**variables, **values}) > ALL_VARIABLES:
            raise sfn._ExecutionError("States.DataLimitExceeded", "The variables of the execution exceed 10 MiB.")
        variables.update(values)

    @patches.replace(sfn, "_evaluate_jsonata_choice_rule")
    def condition(_, rule, given, ctx):
        return sfn._jsonata_state_field(rule, "Condition", "boolean", given, ctx)

    @patches.replace(sfn, "_run_sub_machine")
    def with_own_variables(run, states, start, given, execution, ctx):
        return run(states, start, given, execution, {**ctx, "variables": dict(ctx.get("variables", {}))})

    @patches.replace(sfn, "_run_parallel_branches")
    def branches(run, definition, given, execution, ctx):
        """Applies Arguments, Output and Assign of a Parallel state. The unchanged emulator ignores these fields."""
        results, following = run(definition, sfn._apply_jsonata_arguments(definition, given, ctx), execution, ctx)
        output = sfn._apply_jsonata_output(definition, given, ctx, result=results, default=results)
        sfn._apply_state_assign(definition, given, ctx, result=results)
        return output, following

    @patches.replace(sfn, "_fail_state_error")
    def fail_state(read, definition, given, ctx=None):
        error, cause = read(definition, given, ctx)
        if error.startswith("States."):  # names that start like this are reserved for errors of Step Functions
            raise sfn._ExecutionError("States.Runtime", f"A Fail state can't report the reserved error name {error}.")
        return error, cause

    patches.needs(sfn, "_executions", "_resolve_state_machine_arn", "json_response")

    @patches.replace(sfn, "_start_execution")
    def start(run, data):
        """Returns the existing execution if an execution with this name and input is running (API reference,
        StartExecution)."""
        name = data.get("name")
        if name is not None and not NAME.fullmatch(name):
            return sfn.error_response_json("InvalidName", f"Invalid Name: '{name}'", 400)
        given = data.get("input", "{}")
        if len(given.encode()) > LIMIT:
            cause = "Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144"
            return sfn.error_response_json("ValidationException", f"1 validation error detected: {cause}", 400)
        try:
            json.loads(given)
        except ValueError as error:
            return sfn.error_response_json("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'", 400)
        machine = sfn._resolve_state_machine_arn(data.get("stateMachineArn", ""))
        running = sfn._executions.get(f"{(machine or '').replace(':stateMachine:', ':execution:')}:{name}")
        if running and running["status"] == "RUNNING" and running["input"] == given:
            return sfn.json_response({"executionArn": running["executionArn"], "startDate": running["startDate"]})
        return run(data)

    @patches.replace(sfn, "_describe_execution")
    def describe(run, data):
        """Removes the output from the response if the execution did not succeed. Such an execution has an error and a
        cause, but no output (API reference, DescribeExecution)."""
        status, headers, body = run(data)
        told = json.loads(body)
        if status == 200 and told["status"] != "SUCCEEDED":
            told = {name: value for name, value in told.items() if name not in ("output", "outputDetails")}
        return status, headers, json.dumps(told).encode()

    @patches.replace(sfn, "_send_task_success")
    def answer(run, data):
        if len(data.get("output", "").encode()) > LIMIT:
            cause = "Value at 'output' failed to satisfy constraint: Member must have length less than or equal to 262144"
            return sfn.error_response_json("ValidationException", f"1 validation error detected: {cause}", 400)
        return run(data)

    @patches.replace(sfn, "_validate_definition_jsonata")
    def validate(check, text):
        """Checks the whole definition. The unchanged emulator checks only the syntax of the expressions."""
        try:
            definition = json.loads(text)
        except (TypeError, ValueError) as error:
            return f"INVALID_JSON_DESCRIPTION: {error}"
        faults = definition_faults(definition)  # noqa: F821, defined in definitions.py
        return check(text) or (f"SCHEMA_VALIDATION_FAILED: {'; '.join(faults)}" if faults else None)

    patches.needs(templates, "_sfn_service_error")

    @patches.replace(templates, "_sfn_definition")
    def of_a_template(read, properties):
        definition = read(properties)
        fault = sfn._validate_definition_jsonata(definition)
        if fault:
            message = f"Invalid State Machine Definition: '{fault}'"
            raise templates._sfn_service_error(sfn.error_response_json("InvalidDefinition", message, 400))
        return definition


