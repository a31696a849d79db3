// The requests that the policies must allow: the requests of the recorded run, and the requests that AWS itself makes.
// This module also defines requests to assume an identity role or to sign in. The policies must deny some of them. The
// format is { who, role | principal, action, resource, context, wanted: 'allow' | 'deny' }. `role` is the role's
// logical ID in the template.
import { list } from './stack.mjs'

export const OTHER_ACCOUNT = '111122223333'

// One request for each permission that a recorded call required. The expected result is the local cloud's decision on
// the call.
export function ofLife(stack, calls) {
  const refused = (call) => call.status === 403 || /AccessDenied/.test(JSON.stringify(call.responseBody ?? ''))
  return calls.flatMap((call) =>
    call.permissions.map(({ action, resource, context }) => ({
      who: `${call.state ?? call.function ?? 'as an identity'}: ${call.service} ${call.operation}`,
      role: stack.roleOfArn(call.role),
      action,
      resource,
      context: Object.fromEntries(Object.entries(context).map(([key, values]) => [key, values.length > 1 ? values : values[0]])),
      wanted: refused(call) ? 'deny' : 'allow',
    })),
  )
}

export function via(stack, service, more = {}) {
  return { 'kms:ViaService': `${service}.${stack.region}.amazonaws.com`, ...more }
}

// The requests with which AWS services assume the roles of the stack: Lambda those of the functions, Step Functions
// those of the state machines, and EventBridge Scheduler those of the schedules.
function trust(stack) {
  const services = { 'AWS::Lambda::Function': 'lambda', 'AWS::StepFunctions::StateMachine': 'states' }
  const pairs = Object.entries(services).flatMap(([type, service]) => stack.of(type).map((one) => [service, stack.roleOf(one.id)]))
  pairs.push(...stack.of('AWS::Scheduler::Schedule').map((one) => ['scheduler', stack.roleOfArn(one.properties.Target.RoleArn)]))
  return pairs.map(([service, role]) => ({
    who: `${service} takes on the role`,
    principal: `${service}.amazonaws.com`,
    action: 'sts:AssumeRole',
    resource: stack.arn(role),
    wanted: 'allow',
  }))
}

// The requests with which functions and state machines write logs and traces.
function telemetry(stack) {
  const found = []
  const add = (one, role, action, resource = '*') =>
    found.push({ who: `${one.id}: logs and traces`, role, action, resource, wanted: 'allow' })
  const group = stack.arn('FunctionLogs').replace(/:\*$/, '')
  for (const one of stack.of('AWS::Lambda::Function')) {
    const role = stack.roleOf(one.id)
    for (const action of ['CreateLogStream', 'PutLogEvents']) add(one, role, `logs:${action}`, `${group}:log-stream:2026/11/30/[$LATEST]0`)
    for (const action of ['PutTraceSegments', 'PutTelemetryRecords']) add(one, role, `xray:${action}`)
  }
  const delivery = ['Create', 'Get', 'Update', 'Delete'].map((verb) => `logs:${verb}LogDelivery`)
  delivery.push('logs:ListLogDeliveries', 'logs:PutResourcePolicy', 'logs:DescribeResourcePolicies', 'logs:DescribeLogGroups')
  for (const one of stack.of('AWS::StepFunctions::StateMachine')) {
    const role = stack.roleOf(one.id)
    delivery.forEach((action) => add(one, role, action))
    for (const action of ['PutTraceSegments', 'PutTelemetryRecords', 'GetSamplingRules', 'GetSamplingTargets'])
      add(one, role, `xray:${action}`)
  }
  return found
}

// The calls that the tasks of each state machine make with the state machine's role.
function tasks(stack) {
  const found = []
  for (const machine of stack.of('AWS::StepFunctions::StateMachine')) {
    const names = machine.properties.DefinitionSubstitutions
    const filled = (text) => text.replace(/\$\{(\w+)\}/g, (_, name) => names[name])
    const role = stack.roleOf(machine.id)
    const add = (state, action, resource, context) =>
      found.push({ who: `${machine.id}/${state}`, role, action, resource, context, wanted: 'allow' })
    const walk = ({ States }) => {
      for (const [state, one] of Object.entries(States)) {
        list(one.Branches).forEach(walk)
        if (one.ItemProcessor) walk(one.ItemProcessor)
        if (one.Type === 'Task') task(state, one)
      }
    }
    const executions = (arn) => `${arn.replace(':stateMachine:', ':execution:')}:judge`
    const task = (state, { Resource, Arguments }) => {
      const integration = /^arn:aws:states:::(?:aws-sdk:)?(\w+):(\w+)/.exec(Resource)
      if (!integration) return add(state, 'lambda:InvokeFunction', filled(Resource))
      const [, service, operation] = integration
      const action = `${service === 'sfn' ? 'states' : service}:${operation[0].toUpperCase()}${operation.slice(1)}`
      if (service === 'lambda') return add(state, 'lambda:InvokeFunction', filled(Arguments.FunctionName))
      if (service === 'dynamodb') {
        add(state, action, stack.arn('Registry'))
        return ['kms:Decrypt', 'kms:GenerateDataKey'].forEach((one) => add(state, one, stack.arn('Key'), via(stack, 'dynamodb')))
      }
      // The state machines describe and stop only executions that can hold the lease of an instance's users. These are
      // executions of the state machines user sync and teardown.
      if (service === 'sfn')
        return ['UserSyncStateMachine', 'TeardownStateMachine'].forEach((one) => add(state, action, executions(stack.arn(one))))
      const started = filled(Arguments.StateMachineArn)
      add(state, 'states:StartExecution', started)
      for (const one of ['DescribeExecution', 'StopExecution']) add(state, `states:${one}`, executions(started))
      const rule = `arn:aws:events:${stack.region}:${stack.account}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule`
      for (const one of ['PutTargets', 'PutRule', 'DescribeRule']) add(state, `events:${one}`, rule)
    }
    walk(machine.properties.Definition)
  }
  return found
}

// The requests that deliver events: from schedules and rules, from queues, and to failure destinations.
function events(stack) {
  const found = []
  const key = stack.arn('Key')
  const ofFunction = (name) => stack.of('AWS::Lambda::Function').find((one) => name.endsWith(one.ref))
  for (const one of stack.of('AWS::Scheduler::Schedule')) {
    const { Arn, RoleArn } = one.properties.Target
    const action = Arn.includes(':lambda:') ? 'lambda:InvokeFunction' : 'states:StartExecution'
    found.push({ who: `${one.id} starts its target`, role: stack.roleOfArn(RoleArn), action, resource: Arn, wanted: 'allow' })
  }
  for (const one of stack.of('AWS::Events::Rule')) {
    const source = { 'aws:SourceArn': one.arn, 'aws:SourceAccount': stack.account }
    const sends = (resource) => {
      const action = resource.includes(':sqs:') ? 'sqs:SendMessage' : 'lambda:InvokeFunction'
      found.push({ who: `${one.id} sends`, principal: 'events.amazonaws.com', action, resource, context: source, wanted: 'allow' })
      if (!resource.includes(':sqs:')) return
      for (const use of ['kms:GenerateDataKey', 'kms:Decrypt'])
        found.push({
          who: `${one.id} sends`,
          principal: 'events.amazonaws.com',
          action: use,
          resource: key,
          context: source,
          wanted: 'allow',
        })
    }
    for (const target of one.properties.Targets) [target.Arn, target.DeadLetterConfig?.Arn].filter(Boolean).forEach(sends)
  }
  for (const one of stack.of('AWS::Lambda::EventInvokeConfig')) {
    const role = stack.roleOf(ofFunction(one.properties.FunctionName).id)
    const add = (action, resource, context) =>
      found.push({ who: `${one.id}: a failed event`, role, action, resource, context, wanted: 'allow' })
    add('sqs:SendMessage', one.properties.DestinationConfig.OnFailure.Destination)
    for (const use of ['kms:GenerateDataKey', 'kms:Decrypt']) add(use, key, via(stack, 'sqs'))
  }
  for (const one of stack.of('AWS::Lambda::EventSourceMapping')) {
    const role = stack.roleOf(ofFunction(one.properties.FunctionName).id)
    const add = (action, resource, context) =>
      found.push({ who: `${one.id} reads the queue`, role, action, resource, context, wanted: 'allow' })
    for (const action of ['ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes']) add(`sqs:${action}`, one.properties.EventSourceArn)
    add('kms:Decrypt', key, via(stack, 'sqs'))
  }
  for (const one of stack.of('AWS::Lambda::Url')) {
    const resource = ofFunction(one.properties.TargetFunctionArn).arn
    const add = (action, context) =>
      found.push({ who: 'Microsoft Graph calls the URL', principal: 'anonymous', action, resource, context, wanted: 'allow' })
    add('lambda:InvokeFunctionUrl', { 'lambda:FunctionUrlAuthType': 'NONE' })
    add('lambda:InvokeFunction', { 'lambda:InvokedViaFunctionUrl': 'true' })
  }
  return found
}

// The requests with which services use the stack's KMS key, which encrypts alarm notifications, logs and registry
// items.
function underTheKey(stack) {
  const found = []
  const resource = stack.arn('Key')
  for (const one of stack.of('AWS::CloudWatch::Alarm'))
    for (const action of ['kms:GenerateDataKey', 'kms:Decrypt'])
      found.push({
        who: `${one.id} notifies`,
        principal: 'cloudwatch.amazonaws.com',
        action,
        resource,
        context: { 'aws:SourceArn': one.arn },
        wanted: 'allow',
      })
  for (const one of stack.of('AWS::Logs::LogGroup')) {
    const context = { 'kms:EncryptionContext:aws:logs:arn': one.arn.replace(/:\*$/, '') }
    for (const use of ['Encrypt', 'Decrypt', 'ReEncryptFrom', 'ReEncryptTo', 'GenerateDataKey', 'DescribeKey'])
      found.push({
        who: `${one.id} is stored`,
        principal: `logs.${stack.region}.amazonaws.com`,
        action: `kms:${use}`,
        resource,
        context,
        wanted: 'allow',
      })
  }
  for (const one of stack.of('AWS::Lambda::Function')) {
    const role = stack.roleOf(one.id)
    const statements = stack.identityPolicies(role).flatMap(({ policy }) => list(policy.Statement))
    const actions = new Set(statements.flatMap((statement) => list(statement.Action)).filter((action) => action.startsWith('dynamodb:')))
    if (!actions.size) continue
    const uses = actions.has('dynamodb:UpdateItem') ? ['kms:Decrypt', 'kms:GenerateDataKey'] : ['kms:Decrypt']
    for (const action of uses)
      found.push({ who: `${one.id}: items of the registry`, role, action, resource, context: via(stack, 'dynamodb'), wanted: 'allow' })
  }
  return found
}

export function ofAws(stack) {
  return [...trust(stack), ...telemetry(stack), ...tasks(stack), ...events(stack), ...underTheKey(stack)]
}

// Some functions have policies that allow them to use an identity. The trust policy of the identity's role must allow
// exactly these functions to assume the role, except those in `withoutToken`, which need no token.
export function ofIdentities(stack, withoutToken) {
  const found = []
  for (const identity of ['Setup', 'Runtime']) {
    const resource = stack.arn(`${identity}IdentityRole`)
    const ask = (who, principal, wanted) => found.push({ who, principal, action: 'sts:AssumeRole', resource, wanted })
    for (const one of stack.of('AWS::Lambda::Function', 'AWS::StepFunctions::StateMachine')) {
      const role = stack.roleOf(one.id)
      const uses = list(stack.resources[role].properties.ManagedPolicyArns).includes(stack.resources[`${identity}IdentityPolicy`].ref)
      const wanted = uses && !withoutToken.includes(one.id) ? 'allow' : 'deny'
      found.push({ who: `${one.id} becomes the ${identity} identity`, role, action: 'sts:AssumeRole', resource, wanted })
    }
    ask('Lambda itself', 'lambda.amazonaws.com', 'deny')
    ask('a role of another account', `arn:aws:sts::${OTHER_ACCOUNT}:assumed-role/PreflightFunctionRole/judge`, 'deny')
    ask('the other identity', stack.session(`${identity === 'Setup' ? 'Runtime' : 'Setup'}IdentityRole`), 'deny')
    ask('a user of the account', `arn:aws:iam::${stack.account}:user/somebody`, 'deny')
  }
  return found
}

// Requests that concern the federation roles, which the workflow creates for users who sign in: requests to assume
// these roles, and requests with these roles.
export function ofFederation(stack, calls) {
  const value = (call, name) => call.requestBody[name][0]
  const made = (operation) => calls.filter((call) => call.service === 'iam' && call.operation === operation && call.status === 200)
  return made('CreateRole').flatMap((call) => {
    const trustPolicy = JSON.parse(value(call, 'AssumeRolePolicyDocument'))
    const provider = trustPolicy.Statement[0].Principal.Federated
    const resource = `arn:aws:iam::${stack.account}:role/connect-onboarding/${value(call, 'RoleName')}`
    const policy = made('CreatePolicy').find((one) => value(one, 'Tags.member.2.Value') === value(call, 'Tags.member.2.Value'))
    const document = JSON.parse(value(policy, 'PolicyDocument'))
    const instance = document.Statement[0].Condition.StringEquals['connect:InstanceId']
    const enters = (who, principal, audience, wanted) => ({
      who,
      principal,
      action: 'sts:AssumeRoleWithSAML',
      resource,
      resourcePolicy: trustPolicy,
      context: { 'SAML:aud': audience },
      wanted,
    })
    const may = (who, action, of, wanted) => ({
      who,
      action,
      wanted,
      principal: `arn:aws:sts::${stack.account}:assumed-role/${value(call, 'RoleName')}/haruna@contoso.example`,
      identityPolicies: [{ name: 'federation', policy: document }],
      resource: `arn:aws:connect:${stack.region}:${stack.account}:instance/${of}/user/AROAEXAMPLE`,
      context: { 'connect:InstanceId': of },
    })
    const other = '0f8fad5b-d9cb-469f-a165-70867728950e'
    return [
      enters('a person signs in', provider, 'https://signin.aws.amazon.com/saml', 'allow'),
      enters('a person signs in in the Region', provider, `https://${stack.region}.signin.aws.amazon.com/saml`, 'allow'),
      enters('an assertion for another service', provider, 'https://signin.example/saml', 'deny'),
      enters('another identity provider', provider.replace(/[^/]*$/, 'Other'), 'https://signin.aws.amazon.com/saml', 'deny'),
      may('a person opens the instance', 'connect:GetFederationToken', instance, 'allow'),
      may('a person opens another instance', 'connect:GetFederationToken', other, 'deny'),
    ]
  })
}
