#!/usr/bin/env bash
# scimmy adds a member to a group a second time if Entra ID repeats its request.
#
# version:  scimmy 1.3.5, scim-patch 0.8.3 (npm)
# expected: RFC 7644 (section 3.5.2.1) says that an Add operation should change nothing if the target already contains
#           the value. The value of a member is its identifier, so a group contains each member once.
# seen:     scimmy appends the member again, and scim-patch leaves the group unchanged. If Entra then removes the member,
#           scimmy removes both copies.
# matters:  a provisioning client repeats a request whose response was lost. The group then contains a user twice, and
#           the number of its members is wrong.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --prefix "$work" scimmy@1.3.5 scim-patch@0.8.3
cat >"$work/add.mjs" <<'NODE'
import SCIMMY from 'scimmy'
import { scimPatch } from 'scim-patch'

const group = () => ({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], id: 'g', displayName: 'Agents', members: [{ value: 'anna' }] })
const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp']
const libraries = {
  scimmy: async (operations) => {
    let changed
    const request = new SCIMMY.Messages.PatchOp({ schemas, Operations: operations })
    await request.apply(new SCIMMY.Schemas.Group(group()), (instance) => (changed = instance))
    return changed ?? group()
  },
  'scim-patch': async (operations) => scimPatch(group(), operations),
}
const operation = (op, value) => ({ op, path: 'members', value: [{ value }] })
const cases = {
  'new member': [operation('Add', 'ben')],
  'same member': [operation('Add', 'anna')],
  'same member, then removed': [operation('Add', 'anna'), operation('Remove', 'anna')],
}
for (const [library, patch] of Object.entries(libraries))
  for (const [name, operations] of Object.entries(cases)) {
    const members = (await patch(operations)).members ?? []
    console.log(`${library}, ${name}: ${members.map(({ value }) => value).join(' ')}`)
  }
NODE
node "$work/add.mjs" >"$work/seen"
diff - "$work/seen" <<'SEEN'
scimmy, new member: anna ben
scimmy, same member: anna anna
scimmy, same member, then removed: 
scim-patch, new member: anna ben
scim-patch, same member: anna
scim-patch, same member, then removed: 
SEEN
cat "$work/seen"
