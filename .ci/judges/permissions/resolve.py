"""Writes the template after the SAM transform to a file for judge.mjs. All references are resolved with the names of a
recorded stack (stack.json). The file contains the template with the parameters of that stack, and variants with other
parameters."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from transformed import Stack, transformed  # noqa: E402

SECRET = "arn:aws:secretsmanager:{region}:{account}:secret:entra-{name}-AbCdEf"
# Sets of parameter values. With each of them, the template contains policy statements that the recorded stack lacks.
VARIANTS = {
    "secrets": {
        "SetupClientId": "",
        "RuntimeClientId": "",
        "SetupCredentialSecret": SECRET.replace("{name}", "setup"),
        "RuntimeCredentialSecret": SECRET.replace("{name}", "runtime"),
    },
    "boundary": {"PermissionsBoundaryArn": "arn:aws:iam::{account}:policy/boundary"},
}


def main():
    stack, template = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), transformed()

    def resolved(**parameters):
        given = {name: value.format(**stack) for name, value in parameters.items()}
        one = {**stack, "parameters": {**stack["parameters"], **given}}
        return {"parameters": one["parameters"], "resources": Stack(template, one).resources()}

    variants = {name: resolved(**parameters) for name, parameters in VARIANTS.items()}
    found = {"region": stack["region"], "account": stack["account"], **resolved(), "variants": variants}
    Path(sys.argv[2]).write_text(json.dumps(found, indent=1), encoding="utf-8")


main()
