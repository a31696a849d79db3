// Requests and checks for stacks whose parameters differ from those of the recorded stack: a stack whose identities
// authenticate with client secrets, and a stack with a permissions boundary. The format is that of requests.mjs.
import { list } from './stack.mjs'

// A function may read only the secret of the identity that it uses, and may use the KMS key only to decrypt that
// secret.
export function ofSecrets(stack) {
  const found = []
  const secrets = { Setup: stack.parameters.SetupCredentialSecret, Runtime: stack.parameters.RuntimeCredentialSecret }
  const key = `arn:aws:kms:${stack.region}:${stack.account}:key/0f8fad5b-d9cb-469f-a165-70867728950e`
  // AWS's default key policy. With it, the IAM policies of the account decide who may use the KMS key.
  const root = { AWS: `arn:aws:iam::${stack.account}:root` }
  const keyPolicy = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: root, Action: 'kms:*', Resource: '*' }] }
  const keyContext = (secret) => ({
    'kms:ViaService': `secretsmanager.${stack.region}.amazonaws.com`,
    'kms:EncryptionContext:SecretARN': secret,
  })
  for (const { id } of stack.of('AWS::Lambda::Function')) {
    const role = stack.roleOf(id)
    const attached = list(stack.resources[role].properties.ManagedPolicyArns)
    for (const [identity, secret] of Object.entries(secrets)) {
      const wanted = attached.includes(stack.resources[`${identity}IdentityPolicy`].ref) ? 'allow' : 'deny'
      const ask = (action, resource, context) => ({ who: `${id}: the secret of ${identity}`, role, action, resource, context, wanted })
      found.push(ask('secretsmanager:GetSecretValue', secret, {}), {
        ...ask('kms:Decrypt', key, keyContext(secret)),
        resourcePolicy: keyPolicy,
      })
    }
    const other = `arn:aws:secretsmanager:${stack.region}:${stack.account}:secret:database-AbCdEf`
    found.push({
      who: `${id}: the key of another secret`,
      role,
      action: 'kms:Decrypt',
      resource: key,
      resourcePolicy: keyPolicy,
      context: keyContext(other),
      wanted: 'deny',
    })
  }
  return found
}

// A federation role may be created only with the permissions boundary.
export function ofBoundary(stack) {
  const boundary = stack.parameters.PermissionsBoundaryArn
  const make = (what, context, wanted) => ({
    who: `a role with ${what}`,
    role: 'CreateRoleFunctionRole',
    action: 'iam:CreateRole',
    resource: `arn:aws:iam::${stack.account}:role/connect-onboarding/AmazonConnect-acme`,
    context: { 'aws:RequestTag/managed-by': 'connect-onboarding', ...context },
    wanted,
  })
  return [
    make('the boundary', { 'iam:PermissionsBoundary': boundary }, 'allow'),
    make('another boundary', { 'iam:PermissionsBoundary': `${boundary}-of-others` }, 'deny'),
    make('no boundary', {}, 'deny'),
  ]
}

// The roles of the stack that lack the permissions boundary. The list must be empty.
export function withoutBoundary(stack) {
  const bound = (one) => one.properties.PermissionsBoundary === stack.parameters.PermissionsBoundaryArn
  return stack
    .roles()
    .filter((one) => !bound(one))
    .map((one) => ({ subject: one.id, line: `${one.id} has no permissions boundary` }))
}
