// Checks the permissions of the stack with a policy simulator and AWS's authorization data, both independent of this
// project.
//
//   node judge.mjs RESOLVED CALLS EXCEPTIONS
//   RESOLVED: the resolved stack. CALLS: the recorded calls. EXCEPTIONS: the accepted disagreements with their reasons.
import { readFileSync } from 'node:fs'
import { anonymousPrincipal, runSimulation } from '@cloud-copilot/iam-simulate'
import { denied } from './denied.mjs'
import { FAULTS } from './faults.mjs'
import { checkedCalls, checkedPolicies } from './reference.mjs'
import { ofAws, ofFederation, ofIdentities, ofLife } from './requests.mjs'
import { Stack } from './stack.mjs'
import { ofBoundary, ofSecrets, withoutBoundary } from './variants.mjs'

// The minimum number of requests in a complete check: recorded calls, requests that AWS itself makes, and requests that
// the policies must deny.
const LEAST = { calls: 200, aws: 280, denied: 500 }
const [resolvedFile, callsFile, exceptionsFile] = process.argv.slice(2)
const json = (file) => JSON.parse(readFileSync(file, 'utf8'))
const resolved = json(resolvedFile)
const lines = readFileSync(callsFile, 'utf8').split('\n').filter(Boolean)
const calls = lines.map((line) => JSON.parse(line)).filter((call) => call.role && !call.simulated)
const { exceptions, withoutToken } = json(exceptionsFile)

// The simulator does not recognize the condition key `kms:EncryptionContext:KEY`, so no statement with such a condition
// ever applies (finding iam-simulate-drops-encryption-contexts). The simulator does recognize condition keys in which
// the name follows a slash, so these condition keys are renamed to such keys.
const renamed = (value) =>
  value && JSON.parse(JSON.stringify(value).replace(/kms:encryptioncontext:/gi, 'aws:PrincipalTag/encryption-context-'))

// Simulates a request. Returns 'allow', 'deny' or the simulator's error, and the condition keys in the request that AWS
// does not define for the action.
async function simulate(stack, { role, principal, action, resource, context = {}, ...given }) {
  const answer = await runSimulation(
    {
      request: {
        principal: principal === 'anonymous' ? anonymousPrincipal : (principal ?? stack.session(role)),
        action,
        resource: { resource, accountId: stack.account },
        // AWS adds the Region to the condition keys of every request.
        contextVariables: renamed({ 'aws:RequestedRegion': stack.region, ...context }),
      },
      identityPolicies: renamed(given.identityPolicies ?? (role ? stack.identityPolicies(role) : [])),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: renamed(given.resourcePolicy ?? stack.resourcePolicy(action, resource)),
    },
    {},
  )
  if (answer.resultType === 'error') return { verdict: JSON.stringify(answer.errors), ignored: [] }
  const results = answer.resultType === 'single' ? [answer.result] : answer.results
  return { verdict: answer.overallResult === 'Allowed' ? 'allow' : 'deny', ignored: results.flatMap((one) => one.ignoredContextKeys ?? []) }
}

async function judged(stack, requests) {
  const found = []
  const known = new Map()
  for (const { who, wanted, ...request } of requests) {
    const key = JSON.stringify(request)
    if (!known.has(key)) known.set(key, await simulate(stack, request))
    const { verdict, ignored } = known.get(key)
    const { role, principal, action, resource, context = {} } = request
    const what = `${action} on ${resource} by ${role ?? principal} (${who})`
    if (verdict !== wanted)
      found.push({ subject: action, line: `${what}: ${verdict}, and it should be ${wanted}; ${JSON.stringify(context)}` })
    for (const one of ignored) found.push({ subject: `${action} ${one}`, line: `${what}: AWS has no condition key ${one} for it` })
  }
  return found
}

// The parts of the check by name. Each part simulates requests, or compares the policies with AWS's authorization data.
function parts(resolved) {
  const stack = new Stack(resolved)
  const [withSecrets, withBoundary] = ['secrets', 'boundary'].map((name) => new Stack({ ...resolved, ...resolved.variants[name] }))
  const requests = {
    life: ofLife(stack, calls),
    aws: ofAws(stack),
    identities: ofIdentities(stack, withoutToken),
    federation: ofFederation(stack, calls),
    denied: denied(stack),
  }
  const simulated = (of, all) => ({ count: all.length, run: () => judged(of, all) })
  return {
    ...Object.fromEntries(Object.entries(requests).map(([name, all]) => [name, simulated(stack, all)])),
    secrets: simulated(withSecrets, ofSecrets(withSecrets)),
    boundary: simulated(withBoundary, ofBoundary(withBoundary)),
    bound: { count: withBoundary.roles().length, run: () => withoutBoundary(withBoundary) },
    policies: checkedPolicies(stack),
    policiesWithSecrets: checkedPolicies(withSecrets),
    calls: checkedCalls(stack, calls),
  }
}

const all = parts(resolved)
const disagreements = []
for (const { run } of Object.values(all)) disagreements.push(...(await run()))

const bySubject = new Map()
for (const { subject, line } of disagreements) bySubject.set(subject, [...(bySubject.get(subject) ?? []), line])
let open = 0
for (const [subject, found] of bySubject) {
  const excepted = exceptions.find((one) => one.subject === subject)
  console.log(
    excepted
      ? `excepted (${found.length} times): ${subject}: ${excepted.reason} [${excepted.source}]`
      : `DISAGREEMENT (${found.length} times): ${found[0]}`,
  )
  if (!excepted) open++
}
const unused = exceptions.filter((one) => !bySubject.has(one.subject))
for (const { subject } of unused) console.log(`UNUSED EXCEPTION: ${subject}`)

let missed = 0
for (const [name, { part, plant }] of Object.entries(FAULTS)) {
  const copy = structuredClone(resolved)
  plant(copy.resources, copy.variants)
  const found = await parts(copy)[part].run()
  const before = new Set(disagreements.map((one) => one.line))
  if (found.every((one) => before.has(one.line))) {
    console.log(`MISSED: ${name}`)
    missed++
  }
}
const faults = Object.keys(FAULTS).length
console.log(
  `permissions: ${calls.length} calls of a life with ${all.life.count} requests, ${all.aws.count} requests of AWS's own, ${all.identities.count} to the trust of ` +
    `both identities, ${all.federation.count} of people, ${all.secrets.count + all.boundary.count} in stacks with secrets and a boundary, ${all.denied.count} of which most must be denied; ${all.policies.count} statements and ` +
    `${all.calls.count} kinds of calls by the authorization data; ${faults - missed} of ${faults} inserted faults detected; ${open} disagreements`,
)
const few = calls.length < LEAST.calls || all.aws.count < LEAST.aws || all.denied.count < LEAST.denied
if (few)
  console.log(`there should be at least ${LEAST.calls} calls, ${LEAST.aws} requests of AWS's own and ${LEAST.denied} that must be denied`)
process.exitCode = open || missed || few || unused.length ? 1 : 0
