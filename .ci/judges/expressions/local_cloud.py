"""Evaluates JSONata expressions as the local cloud does. Reads one JSON object per line. For each object,
writes one line with `{"value"}` or `{"error"}`.

    PYTHON local_cloud.py ROOT < lines
"""
import json
import sys
from pathlib import Path

root = Path(sys.argv[1]) / "local-cloud/emulator"
sys.argv = ["ministack"]
answers, sys.stdout = sys.stdout, sys.stderr  # the Python port of JSONata prints to standard output if an expression fails
from ministack.services import stepfunctions as sfn  # noqa: E402

for name in ("patches.py", "evaluator.py"):
    exec(compile((root / name).read_text(encoding="utf-8"), name, "exec"))  # noqa: S102, combined as in launcher.rs
patches = Patches("ministack")  # noqa: F821
evaluate_as_the_reference_does(patches, sfn)  # noqa: F821
patches.apply()
for line in sys.stdin:
    asked = json.loads(line)
    bindings = asked["bindings"]
    states = bindings.pop("states", {})
    ctx = {**states.get("context", {}), "variables": bindings} if isinstance(states, dict) else {"variables": bindings}
    try:
        answer = {"value": sfn._evaluate_jsonata(asked["expression"], states.get("input"), ctx, states.get("result"), states.get("errorOutput"))}
    except sfn._ExecutionError as error:
        answer = {"error": error.cause}
    print(json.dumps(answer), file=answers)
