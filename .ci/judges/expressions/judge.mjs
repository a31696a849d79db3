// Compares the local cloud's JSONata evaluation with the reference implementation. Repeats every evaluation of the
// recorded run. Also evaluates every expression of the state machines, and further expressions for the language
// features in use, with random bindings.
//
//   node judge.mjs ROOT EXPRESSIONS PYTHON
//   ROOT: the repository. EXPRESSIONS: the file with the recorded evaluations. PYTHON: the Python interpreter of the
//   emulator's environment.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { text, variants } from './bindings.mjs'
import { evaluate } from './reference.mjs'

// The minimum number of evaluations in a complete recorded run.
const LEAST = 700
// The number of random bindings per expression. The same recording always leads to the same random bindings.
const RANDOM = 60
const SEED = 20261130
const OF_TIME = /\$(millis|now)\(/

const [root, recordedFile, python] = process.argv.slice(2)
const lines = (content) =>
  content
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
const json = (file) => JSON.parse(readFileSync(file, 'utf8'))

function expressionsOf(value, found) {
  if (typeof value === 'string' && value.startsWith('{%')) found.add(value.slice(2, -2).trim())
  else if (value !== null && typeof value === 'object') Object.values(value).forEach((inner) => expressionsOf(inner, found))
}

// Whether both evaluations returned the same value, or both failed. Two failures count as equal because Step Functions
// has only one error name for all expression errors. Values must have the same type. Numbers are compared as numbers.
function same(reference, local) {
  if ('error' in reference || 'error' in local) return 'error' in reference && 'error' in local
  return isDeepStrictEqual(reference.value, local.value)
}

// The result of the reference implementation. If the expression reads the time, it is evaluated with each millisecond
// between the start and the end of the recorded evaluation, until the result equals the local cloud's recorded result.
async function repeated({ expression, bindings, local, began, ended }) {
  let reference
  for (let now = began; now <= ended; now++) {
    reference = await evaluate(expression, bindings, now)
    if (same(reference, local) || !OF_TIME.test(expression)) break
  }
  return reference
}

// Adds those fields of `$states` that Step Functions always defines.
function withStates(bindings) {
  const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value)
  const states = isObject(bindings.states) ? bindings.states : {}
  const context = isObject(states.context) ? states.context : {}
  return { ...bindings, states: { input: null, result: null, errorOutput: null, ...states, context } }
}

function recorded() {
  return lines(readFileSync(recordedFile, 'utf8')).map((line) => ({
    where: `${line.machine}/${line.state}`,
    expression: line.expression,
    bindings: line.bindings,
    local: 'error' in line ? { error: line.error } : { value: line.value },
    began: line.began,
    ended: line.ended + 1,
  }))
}

function randomOnes(expressions, evaluations) {
  const known = grouped(evaluations)
  const asked = []
  for (const [index, expression] of [...expressions].entries()) {
    const bindings = (known.get(expression) ?? []).map((one) => one.bindings)
    for (const variant of variants(expression, bindings, RANDOM, SEED + index)) asked.push({ expression, json: text(withStates(variant)) })
  }
  const input = asked.map((one) => `{"expression":${JSON.stringify(one.expression)},"bindings":${one.json}}`).join('\n')
  const child = spawnSync(python, ['-I', `${root}/.ci/judges/expressions/local_cloud.py`, root], { input, maxBuffer: 1 << 30 })
  if (child.status !== 0) throw new Error(`the local cloud's evaluator failed: ${child.error ?? child.stderr}`)
  const answers = lines(child.stdout.toString())
  // Expressions that read the time are skipped here, because it is unknown at which millisecond they were evaluated.
  const timeless = asked.map((one, index) => ({ ...one, local: answers[index] })).filter((one) => !OF_TIME.test(one.expression))
  return timeless.map(({ expression, json, local }) => ({
    where: 'random',
    expression,
    bindings: JSON.parse(json),
    local,
    began: 0,
    ended: 0,
  }))
}

function grouped(evaluations) {
  const groups = new Map()
  for (const one of evaluations) groups.set(one.expression, [...(groups.get(one.expression) ?? []), one])
  return groups
}

async function judged(evaluations) {
  const disagreements = []
  let errors = 0
  for (const one of evaluations) {
    const reference = await repeated(one)
    if ('error' in reference) errors++
    if (!same(reference, one.local)) disagreements.push({ ...one, reference })
  }
  return { disagreements, errors }
}

const evaluations = recorded()
const expressions = new Set()
for (const file of readdirSync(`${root}/statemachine`)) expressionsOf(json(`${root}/statemachine/${file}`), expressions)
const ofMachines = expressions.size
for (const expression of json(`${root}/.ci/judges/expressions/language.json`)) expressions.add(expression)
const random = randomOnes(expressions, evaluations)

// The faults that are inserted to test this check: evaluations of the local cloud whose results are changed.
const isText = (one) => typeof one.local.value === 'string' && !OF_TIME.test(one.expression)
const planted = (ones) => ({ ...ones.find(isText), where: 'planted', local: { value: `${ones.find(isText).local.value}.` } })

const ofLife = await judged([planted(evaluations), ...evaluations])
const ofRandom = await judged([planted(random), ...random])
const all = [...ofLife.disagreements, ...ofRandom.disagreements]
const disagreements = all.filter((one) => one.where !== 'planted')
const found = all.length - disagreements.length
for (const { where, expression, bindings, local, reference } of disagreements) {
  console.log(`${where}: ${expression}`)
  for (const [name, value] of Object.entries({ local, reference, bindings }))
    console.log(`    ${name}: ${JSON.stringify(value).slice(0, 600)}`)
}
console.log(
  `jsonata 2.0.6: ${evaluations.length} evaluations of a life (${new Set(evaluations.map((one) => one.expression)).size} of ${ofMachines} expressions, ` +
    `${ofLife.errors} errors), ${random.length} with random bindings (${ofRandom.errors} errors); ${disagreements.length} disagreements; ` +
    `${found} of 2 inserted faults detected`,
)
if (evaluations.length < LEAST) console.log(`a whole life has at least ${LEAST} evaluations`)
process.exitCode = disagreements.length === 0 && found === 2 && evaluations.length >= LEAST ? 0 : 1
