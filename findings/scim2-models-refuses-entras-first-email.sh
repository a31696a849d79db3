#!/usr/bin/env bash
# scim2-models rejects the request with which Entra ID adds a user's first work email address.
#
# version:  scim2-models 0.12.3 (PyPI)
# expected: scim2-models accepts Entra's requests unchanged. It already accepts "Replace" for "replace" and the text
#           "False" for a Boolean.
# seen:     the path `emails[type eq "work"].value` with the operation Add raises NoTargetException if the user has no
#           work address yet. scim-patch 0.8.3 (npm) creates the address, which is what Entra intends.
# matters:  Entra sends a change of the attribute `mail` in this form, so the first change of an address fails until an
#           address has been added in another way.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check scim2-models==0.12.3
npm install --silent --no-audit --no-fund --prefix "$work" scim-patch@0.8.3
{
  "$work/venv/bin/python" - <<'PYTHON'
from scim2_models import Email, PatchOp, User

schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def patch(name, user, **operation):
    request = PatchOp[User].model_validate({"schemas": [schema], "Operations": [operation]})
    try:
        request.patch(user)
        print(f"scim2-models, {name}:", user.active, [email.value for email in user.emails or []])
    except Exception as error:
        print(f"scim2-models, {name}:", type(error).__name__)


work = {"op": "Add", "path": 'emails[type eq "work"].value', "value": "anna@contoso.example"}
patch("disabled", User(user_name="anna", active=True), op="Replace", path="active", value="False")
patch("first address", User(user_name="anna", active=True), **work)
patch("next address", User(user_name="anna", active=True, emails=[Email(type="work", value="a@contoso.example")]), **work)
PYTHON
  cat >"$work/add.mjs" <<'NODE'
import { scimPatch } from 'scim-patch'

const user = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: 'anna', active: true }
const add = { op: 'Add', path: 'emails[type eq "work"].value', value: 'anna@contoso.example' }
console.log(`scim-patch, first address: ${JSON.stringify(scimPatch(user, [add]).emails)}`)
NODE
  node "$work/add.mjs"
} >"$work/seen"
diff - "$work/seen" <<'SEEN'
scim2-models, disabled: False []
scim2-models, first address: NoTargetException
scim2-models, next address: True ['anna@contoso.example']
scim-patch, first address: [{"type":"work","value":"anna@contoso.example"}]
SEEN
cat "$work/seen"
