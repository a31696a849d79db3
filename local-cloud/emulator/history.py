"""Records an execution's history as Step Functions does.

The unchanged emulator records only the outermost states. This module adds the events of states inside Parallel and Map,
the separate event types for functions, and the id of the previous event. Format: HistoryEvent of the Step Functions
API."""
import contextvars
import json
import re
import threading


ALL_EVENTS = 25_000  # maximum history of one execution; a longer execution fails (developer guide, "Service quotas")


def tell_history_as_step_functions_does(patches, sfn):
    lock = threading.Lock()
    last = contextvars.ContextVar("last", default=0)  # the previous event in this branch
    data = contextvars.ContextVar("data", default=None)  # the input of the current task
    mapping = contextvars.ContextVar("mapping", default=None)  # the Map state whose next iteration starts, by name
    inside = contextvars.ContextVar("inside", default=None)  # the execution; set only inside a Parallel or Map state
    integration = re.compile(r"arn:[^:]+:states:[^:]*:[^:]*:(.+?):([^:]+(?:\.sync:2)?)$")

    def add(execution, kind, details=None):
        with lock:
            if len(execution["events"]) >= ALL_EVENTS and not kind.startswith("Execution"):
                raise sfn._ExecutionError("States.Runtime", f"The execution reached the maximum number of history events ({ALL_EVENTS}).")
            event = {"id": len(execution["events"]) + 1, "previousEventId": last.get(), "type": kind, "timestamp": sfn.now_iso(), **(details or {})}
            execution["events"].append(event)
        last.set(event["id"])
        return event

    def function_event(execution, what, details):
        if what == "Scheduled":
            given = {"resource": details["resource"], "input": json.dumps(data.get())}
            add(execution, "LambdaFunctionScheduled", {"lambdaFunctionScheduledEventDetails": given})
            return add(execution, "LambdaFunctionStarted")
        if what == "Failed" and details["error"] == "States.Timeout":
            what = "TimedOut"
        told = {name: value for name, value in details.items() if name != "resource"}
        return add(execution, f"LambdaFunction{what}", {f"lambdaFunction{what}EventDetails": told})

    def service_event(execution, what, details, service, action):
        task = {"resourceType": service, "resource": action}
        if what == "Scheduled":
            given = {**task, "region": sfn.get_region(), "parameters": json.dumps(data.get())}
            add(execution, "TaskScheduled", {"taskScheduledEventDetails": given})
            return add(execution, "TaskStarted", {"taskStartedEventDetails": task})
        if what == "Failed" and details["error"] == "States.Timeout":
            what = "TimedOut"
        return add(execution, f"Task{what}", {f"task{what}EventDetails": {**details, **task}})

    @patches.replace(sfn, "_add_event")
    def add_event(_, execution, kind, details=None):
        if kind not in ("TaskScheduled", "TaskSucceeded", "TaskFailed"):
            return add(execution, kind, details)
        [details] = details.values()
        service = integration.match(details["resource"])
        what = kind.removeprefix("Task")
        return service_event(execution, what, details, *service.groups()) if service else function_event(execution, what, details)

    @patches.replace(sfn, "_apply_parameters")
    @patches.replace(sfn, "_apply_jsonata_arguments")
    def remember(apply, definition, given, ctx=None):
        result = apply(definition, given, ctx)
        data.set(result)
        return result

    def between(kind):
        """Records when a state inside Parallel or Map is entered and exited, as the emulator does for the outermost
        states."""

        def state(run, definition, given, *rest):
            execution = inside.get()
            if execution is None:
                return run(definition, given, *rest)
            name = rest[-1]["State"]["Name"]
            add(execution, f"{kind}StateEntered", {"stateEnteredEventDetails": {"name": name, "input": json.dumps(given)}})
            output, following = run(definition, given, *rest)
            add(execution, f"{kind}StateExited", {"stateExitedEventDetails": {"name": name, "output": json.dumps(output)}})
            return output, following

        return state

    def around(kind, started):
        def branches(run, definition, given, execution, ctx):
            details = started(definition, given, ctx)
            add(execution, f"{kind}StateStarted", details)
            mark = mapping.set(ctx["State"]["Name"] if kind == "Map" else None)
            try:
                result = run(definition, given, execution, ctx)
            except sfn._ExecutionError:
                add(execution, f"{kind}StateFailed")
                raise
            finally:
                mapping.reset(mark)
            add(execution, f"{kind}StateSucceeded")
            return result

        return branches

    def items(definition, given, ctx):
        found = sfn._resolve_path_or_ctx(definition.get("ItemsPath", "$"), sfn._apply_input_path(definition, given, ctx), ctx)
        return {"mapStateStartedEventDetails": {"length": len(found) if isinstance(found, list) else 1}}

    @patches.replace(sfn, "_run_sub_machine")
    def sub_machine(run_sub_machine, states, start, given, execution, ctx):
        inside.set(execution)  # set in the thread of this branch, so other branches are not affected
        of = mapping.get()
        mapping.set(None)
        iteration = of and {"name": of, "index": ctx["Map"]["Item"]["Index"]}

        def tell(what):
            if iteration:
                add(execution, f"MapIteration{what}", {f"mapIteration{what}EventDetails": iteration})

        tell("Started")
        try:
            # Each branch gets a copy of the context. In the unchanged emulator, all branches share one context,
            # including the name of the current state.
            output = run_sub_machine(states, start, given, execution, {**ctx})
        except sfn._ExecutionError:
            tell("Failed")
            raise
        tell("Succeeded")
        return output

    patches.needs(sfn, "_ExecutionError", "_apply_input_path", "_resolve_path_or_ctx")
    patches.replace(sfn, "_run_parallel_branches")(around("Parallel", lambda *_: None))
    patches.replace(sfn, "_run_map_items")(around("Map", items))
    for kind in ("Pass", "Task", "Choice", "Wait", "Parallel", "Map"):
        patches.replace(sfn, f"_execute_{kind.lower()}")(between(kind))


