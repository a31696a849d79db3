"""Writes the transformed template with the names of a recorded stack (stack.json) to a file, for judge.mjs."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from transformed import Stack, transformed  # noqa: E402

stack = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
resolved = {"region": stack["region"], "account": stack["account"], "resources": Stack(transformed(), stack).resources()}
Path(sys.argv[2]).write_text(json.dumps(resolved, indent=1), encoding="utf-8")
