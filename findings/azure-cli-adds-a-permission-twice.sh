#!/usr/bin/env bash
# `az ad app permission add` adds a permission a second time if the application already has it.
#
# version:  azure-cli 2.91.0 (PyPI)
# expected: the permissions of an application are a set. The command reads this set before it writes, so it adds only
#           missing permissions.
# seen:     each run of the command adds the permission to the list again.
# matters:  a setup script makes the list longer with each run. A script must read the list first and add only missing
#           permissions.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check azure-cli==2.91.0
cat >"$work/run.py" <<'PYTHON'
"""Calls the function behind the command, with a client that stores one application."""
import copy

from azure.cli.command_modules.role.custom import add_permission

GRAPH, USER_READ_ALL = "00000003-0000-0000-c000-000000000000", "df021288-bdef-4463-88db-98f22de89214"


class Client:
    application = {"id": "11111111-1111-4111-8111-111111111111", "requiredResourceAccess": []}

    def application_list(self, filter):
        return [self.application]

    def application_get(self, key):
        return copy.deepcopy(self.application)

    def application_update(self, key, body):
        self.application.update(body)


client = Client()
for run in (1, 2, 3):
    add_permission(client, client.application["id"], GRAPH, [f"{USER_READ_ALL}=Role"])
    [listed] = client.application["requiredResourceAccess"]
    print(f"run {run}: {len(listed['resourceAccess'])} permissions, {len({one['id'] for one in listed['resourceAccess']})} different")
PYTHON
"$work/venv/bin/python" "$work/run.py" >"$work/seen" 2>"$work/log"
diff - "$work/seen" <<'SEEN'
run 1: 1 permissions, 1 different
run 2: 2 permissions, 1 different
run 3: 3 permissions, 1 different
SEEN
cat "$work/seen"
