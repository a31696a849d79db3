#!/usr/bin/env bash
# scim-patch stores the text "False" as a user's `active` when Entra ID disables the user. In JavaScript, this text
# counts as true.
#
# version:  scim-patch 0.8.3 (npm)
# expected: scim-patch accepts Entra's capitalized operation names, so it supports Entra's PATCH requests. scim-patch
#           therefore converts `active` to the Boolean false. Attribute names are not case-sensitive (RFC 7643,
#           section 2.1).
# seen:     Entra's default request for a disabled user sets active to the text "False". A request with the path
#           "Active" creates a second attribute.
# matters:  `if (user.active)` still accepts a user who has left the company. A provisioning endpoint must convert the
#           value.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --prefix "$work" scim-patch@0.8.3
cat >"$work/disable.mjs" <<'NODE'
import { scimPatch } from 'scim-patch'

const user = () => ({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: 'anna', active: true })
const show = (name, operation) => {
  const { active, Active } = scimPatch(user(), [operation])
  console.log(`${name}: active ${JSON.stringify(active)}, Active ${JSON.stringify(Active)}, signed in ${Boolean(active)}`)
}
show("Entra's request", { op: 'Replace', path: 'active', value: 'False' })
show('the boolean', { op: 'Replace', path: 'active', value: false })
show('another case', { op: 'Replace', path: 'Active', value: false })
NODE
node "$work/disable.mjs" >"$work/seen"
diff - "$work/seen" <<'SEEN'
Entra's request: active "False", Active undefined, signed in true
the boolean: active false, Active undefined, signed in false
another case: active true, Active false, signed in true
SEEN
cat "$work/seen"
