// The requests that the policies must deny, together with similar requests that they must allow. The format is that of
// requests.mjs.
import { OTHER_ACCOUNT, via } from './requests.mjs'

const KEY_OF_OTHERS = 'ffffffff-0000-4000-8000-000000000000'

// Requests that no role of the stack may make.
function forbidden(stack) {
  const { account, region } = stack
  const arn = (service, what) => `arn:aws:${service}:${region}:${account}:${what}`
  const iam = (what) => `arn:aws:iam::${account}:${what}`
  const instance = arn('connect', 'instance/0f8fad5b-d9cb-469f-a165-70867728950e')
  const foreign = { 'aws:ResourceTag/managed-by': 'somebody-else' }
  const own = stack.arn('Key')
  return [
    ['iam:CreateUser', iam('user/intruder')],
    ['iam:CreateAccessKey', iam('user/admin')],
    ['iam:PutRolePolicy', iam('role/Admin')],
    [
      'iam:AttachRolePolicy',
      iam('role/connect-onboarding/AmazonConnect-x'),
      { 'iam:PolicyARN': 'arn:aws:iam::aws:policy/AdministratorAccess' },
    ],
    ['iam:AttachRolePolicy', iam('role/Admin'), { 'iam:PolicyARN': iam('policy/connect-onboarding/x') }],
    ['iam:PassRole', iam('role/Admin')],
    ['iam:CreateRole', iam('role/Admin'), { 'aws:RequestTag/managed-by': 'connect-onboarding' }],
    ['iam:CreateRole', iam('role/connect-onboarding/x')],
    ['iam:CreatePolicy', iam('policy/connect-onboarding/x')],
    ['iam:CreatePolicyVersion', iam('policy/Admin')],
    ['iam:UpdateAssumeRolePolicy', iam('role/Admin')],
    ['iam:DeleteRole', iam('role/Admin')],
    ['iam:CreateSAMLProvider', iam('saml-provider/Other')],
    ['iam:UpdateSAMLProvider', iam('saml-provider/Other'), foreign],
    ['iam:DeleteSAMLProvider', iam('saml-provider/Other'), foreign],
    [
      'iam:CreateServiceLinkedRole',
      iam('role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS'),
      { 'iam:AWSServiceName': 'ecs.amazonaws.com' },
    ],
    ['sts:AssumeRole', iam('role/OrganizationAccountAccessRole')],
    ['lambda:UpdateFunctionCode', stack.of('AWS::Lambda::Function')[0].arn],
    ['lambda:AddPermission', stack.arn('ReceiveNotificationFunction')],
    ['kms:ScheduleKeyDeletion', own],
    ['kms:PutKeyPolicy', own],
    ['kms:Decrypt', own],
    ['kms:GenerateDataKey', own],
    ['kms:Decrypt', own, via(stack, 'lambda')],
    ['kms:Decrypt', arn('kms', `key/${KEY_OF_OTHERS}`), via(stack, 'dynamodb')],
    ['s3:GetObject', `${stack.arn('StorageBucket')}/connect/acme/CallRecordings/2026/a.wav`],
    ['s3:DeleteObject', `${stack.arn('DocumentsBucket')}/documents/acme/identity.pdf`],
    ['s3:PutObject', `${stack.arn('DocumentsBucket')}/documents/acme/identity.pdf`],
    ['s3:PutBucketPolicy', stack.arn('StorageBucket')],
    ['secretsmanager:GetSecretValue', arn('secretsmanager', 'secret:database-AbCdEf')],
    ['secretsmanager:PutSecretValue', stack.arn('ClientStateSecret')],
    ['dynamodb:DeleteTable', stack.arn('Registry')],
    ['dynamodb:PutItem', stack.arn('Registry')],
    ['dynamodb:Scan', arn('dynamodb', 'table/orders')],
    ['connect:DeleteInstance', instance, foreign],
    ['connect:DeleteInstance', instance],
    ['connect:DeleteUser', `${instance}/agent/0f8fad5b`, foreign],
    ['connect:CreateUser', `arn:aws:connect:${region}:${OTHER_ACCOUNT}:instance/0f8fad5b/agent/*`],
    ['connect:TagResource', `${instance}/agent/0f8fad5b`, { 'aws:TagKeys': ['managed-by', 'cost-centre'] }],
    ['connect:ReleasePhoneNumber', arn('connect', 'phone-number/0f8fad5b')],
    ['connect:GetFederationToken', instance],
    ['servicequotas:RequestServiceQuotaIncrease', arn('servicequotas', 'ec2/L-1216C47A'), { 'servicequotas:service': 'ec2' }],
    ['states:StartExecution', stack.arn('TeardownStateMachine')],
    ['states:StopExecution', `${stack.arn('TeardownStateMachine').replace(':stateMachine:', ':execution:')}:judge`],
    ['sns:Publish', arn('sns', 'payments')],
    ['sns:Subscribe', stack.arn('NotificationTopic')],
    ['events:PutEvents', arn('events', 'event-bus/default')],
    ['sqs:ReceiveMessage', stack.arn('FailedEventQueue')],
    ['logs:DeleteLogGroup', stack.arn('FunctionLogs').replace(/:\*$/, '')],
  ].map(([action, resource, context]) => ({ action, resource, context }))
}

// Requests that no function may make except the functions that are listed with the request.
function reserved(stack) {
  return [
    ['support:CreateCase', '*', {}, ['OrderNumbersFunction']],
    ['connect:CreateInstance', '*', { 'aws:RequestTag/managed-by': 'connect-onboarding' }, ['CreateInstanceFunction']],
    [
      'sts:GetWebIdentityToken',
      '*',
      { 'sts:IdentityTokenAudience': 'api://AzureADTokenExchange', 'sts:DurationSeconds': '300', 'sts:SigningAlgorithm': 'RS256' },
      [],
    ],
    ['s3:GetObject', `${stack.arn('DocumentsBucket')}/documents/acme/identity.pdf`, {}, ['OrderNumbersFunction']],
    ['secretsmanager:GetSecretValue', stack.arn('ClientStateSecret'), {}, ['SubscribeGroupsFunction', 'ReceiveNotificationFunction']],
    [
      'connect:DeleteUser',
      `arn:aws:connect:${stack.region}:${stack.account}:instance/0f8fad5b/agent/1`,
      { 'aws:ResourceTag/managed-by': 'connect-onboarding' },
      ['SyncUsersFunction', 'DeleteUsersFunction'],
    ],
    [
      'connect:DeleteQuickConnect',
      `arn:aws:connect:${stack.region}:${stack.account}:instance/0f8fad5b/transfer-destination/1`,
      {},
      ['SyncUsersFunction', 'DeleteUsersFunction'],
    ],
    [
      'connect:DeleteInstance',
      `arn:aws:connect:${stack.region}:${stack.account}:instance/0f8fad5b`,
      { 'aws:ResourceTag/managed-by': 'connect-onboarding' },
      ['DeleteInstanceFunction'],
    ],
    ['sns:Publish', stack.arn('NotificationTopic'), {}, ['NotifyFunction']],
    ['events:PutEvents', stack.arn('EventBus'), {}, ['SubscribeGroupsFunction', 'ReceiveNotificationFunction']],
  ].map(([action, resource, context, roles]) => ({ action, resource, context, roles: roles.map((id) => stack.roleOf(id)) }))
}

// Requests for web identity tokens for Entra. The policies must allow requests with the right parameters and deny
// requests with other parameters.
function tokens(stack) {
  const right = { 'sts:IdentityTokenAudience': 'api://AzureADTokenExchange', 'sts:DurationSeconds': '300', 'sts:SigningAlgorithm': 'RS256' }
  const { 'sts:IdentityTokenAudience': audience, ...without } = right
  const changed = [
    ['the right one', right, 'allow'],
    ['another audience', { ...right, 'sts:IdentityTokenAudience': 'https://example.org' }, 'deny'],
    ['one audience more', { ...right, 'sts:IdentityTokenAudience': [audience, 'https://example.org'] }, 'deny'],
    ['no audience', without, 'deny'],
    ['an hour', { ...right, 'sts:DurationSeconds': '3600' }, 'deny'],
    ['another algorithm', { ...right, 'sts:SigningAlgorithm': 'ES384' }, 'deny'],
  ]
  return ['SetupIdentityRole', 'RuntimeIdentityRole'].flatMap((role) =>
    changed.map(([what, context, wanted]) => ({
      who: `a token: ${what}`,
      role,
      action: 'sts:GetWebIdentityToken',
      resource: '*',
      context,
      wanted,
    })),
  )
}

// The write with which `sync-members` requests another pass of the user sync in the registry. It may name only the
// attributes that such a request needs.
function passes(stack) {
  const right = ['instanceId', 'lease', 'leaseRevokedAt', 'gatherer', 'dirty', 'urgent']
  const lists = [
    [right, 'allow'],
    [[...right, 'config'], 'deny'],
  ]
  return lists.map(([attributes, wanted]) => ({
    who: 'another pass',
    role: stack.roleOf('SyncMembersFunction'),
    action: 'dynamodb:UpdateItem',
    resource: stack.arn('Registry'),
    context: { 'dynamodb:Attributes': attributes },
    wanted,
  }))
}

// Requests by principals outside the stack, which the resource policies must deny.
function strangers(stack) {
  const foreignRule = { 'aws:SourceArn': `arn:aws:events:${stack.region}:${OTHER_ACCOUNT}:rule/x`, 'aws:SourceAccount': OTHER_ACCOUNT }
  const anonymous = (action, resource, context) => ({
    who: 'an unsigned request',
    principal: 'anonymous',
    action,
    resource,
    context,
    wanted: 'deny',
  })
  return [
    {
      who: 'a rule of another account',
      principal: 'events.amazonaws.com',
      action: 'sqs:SendMessage',
      resource: stack.arn('HintQueue'),
      context: foreignRule,
      wanted: 'deny',
    },
    {
      who: 'a rule of another account',
      principal: 'events.amazonaws.com',
      action: 'lambda:InvokeFunction',
      resource: stack.arn('NotifyFunction'),
      context: foreignRule,
      wanted: 'deny',
    },
    {
      who: 'SNS',
      principal: 'sns.amazonaws.com',
      action: 'sqs:SendMessage',
      resource: stack.arn('HintQueue'),
      context: { 'aws:SourceArn': stack.arn('NotificationTopic') },
      wanted: 'deny',
    },
    {
      who: 'logs of another account',
      principal: `logs.${stack.region}.amazonaws.com`,
      action: 'kms:Decrypt',
      resource: stack.arn('Key'),
      context: { 'kms:EncryptionContext:aws:logs:arn': `arn:aws:logs:${stack.region}:${OTHER_ACCOUNT}:log-group:x` },
      wanted: 'deny',
    },
    anonymous('lambda:InvokeFunction', stack.arn('ReceiveNotificationFunction')),
    anonymous('lambda:InvokeFunction', stack.arn('SyncUsersFunction'), { 'lambda:InvokedViaFunctionUrl': 'true' }),
    anonymous('sqs:SendMessage', stack.arn('HintQueue')),
    anonymous('kms:Decrypt', stack.arn('Key')),
    ...stack.roles().map((role) => ({
      who: 'EC2 takes on the role',
      principal: 'ec2.amazonaws.com',
      action: 'sts:AssumeRole',
      resource: role.arn,
      wanted: 'deny',
    })),
  ]
}

export function denied(stack) {
  const roles = stack.roles().map((one) => one.id)
  const never = forbidden(stack).flatMap((ask) => roles.map((role) => ({ who: role, role, ...ask, wanted: 'deny' })))
  const some = reserved(stack).flatMap(({ roles: may, ...ask }) => {
    const identity = ask.action === 'sts:GetWebIdentityToken' ? ['SetupIdentityRole', 'RuntimeIdentityRole'] : may
    return roles.map((role) => ({ who: role, role, ...ask, wanted: identity.includes(role) ? 'allow' : 'deny' }))
  })
  return [...never, ...some, ...tokens(stack), ...passes(stack), ...strangers(stack)]
}
