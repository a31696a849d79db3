"""Records every JSONata expression that a state evaluates, with its input values and result, so that another evaluator
can repeat it.

Writes one JSON object per line, with these members: `machine`, `state`, `expression`, `began` and `ended` (milliseconds
since 1970; the value of `$millis()` is between these two times), `bindings` (the variables that the expression uses),
and `value` or `error`.

If the file can't be written, for example because the disk is full, the recording ends and the local cloud continues. The
reason is then in the file `expressions-incomplete` of the current directory."""
import contextlib
import json
import os
import re
import threading
import time


def record_expressions_if_asked(patches, sfn):
    """Starts the recording if the environment variable RECORD_EXPRESSIONS is set."""
    path = os.environ.get("RECORD_EXPRESSIONS")
    if not path:
        return
    lock = threading.Lock()
    file = open(path, "w", encoding="utf-8")  # noqa: SIM115, closed when the process exits

    complete = True

    def write(line):
        nonlocal complete
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
        with lock:
            if not complete:
                return
            try:
                file.write(f"{text}\n")
                file.flush()
            except OSError as error:
                complete = False
                with contextlib.suppress(OSError), open("expressions-incomplete", "w", encoding="utf-8") as reason:
                    reason.write(str(error))

    @patches.replace(sfn, "_evaluate_jsonata")
    def evaluate(run, expression, raw_input, ctx=None, result=None, error_output=None):
        ctx = ctx or {}
        states = {
            "input": raw_input,
            "result": result,
            "errorOutput": error_output,
            "context": {name: value for name, value in ctx.items() if name != "variables"},
        }
        named = set(re.findall(r"\$(\w+)", expression))
        line = {
            "machine": ctx.get("StateMachine", {}).get("Name"),
            "state": ctx.get("State", {}).get("Name"),
            "expression": expression,
            "began": int(time.time() * 1000),
            "bindings": {name: value for name, value in {**ctx.get("variables", {}), "states": states}.items() if name in named},
        }
        try:
            line["value"] = run(expression, raw_input, ctx, result, error_output)
            return line["value"]
        except sfn._ExecutionError as error:
            line["error"] = error.cause
            raise
        finally:
            line["ended"] = int(time.time() * 1000)
            write(line)


