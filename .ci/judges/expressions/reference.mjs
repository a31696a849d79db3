// The reference implementation of JSONata in the version that Step Functions documents, without $eval and with the
// functions that Step Functions adds (developer guide, "Transforming data with JSONata").
import { createHash } from 'node:crypto'
import jsonata from 'jsonata'

const HASHES = { MD5: 'md5', 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' }

function partition(array, size) {
  const step = Math.floor(size)
  if (step <= 0) throw new Error('the size of a part must be positive')
  const parts = []
  for (let at = 0; at < array.length; at += step) parts.push(array.slice(at, at + step))
  return parts
}

function range(first, last, delta) {
  const [start, end, step] = [first, last, delta].map(Math.floor)
  if (step === 0) throw new Error('the step must not be zero')
  const values = []
  for (let value = start; step > 0 ? value <= end : value >= end; value += step) values.push(value)
  return values
}

function hash(text, algorithm) {
  if (!HASHES[algorithm]) throw new Error('not an algorithm of $hash')
  return createHash(HASHES[algorithm]).update(text, 'utf8').digest('hex')
}

export function ast(text) {
  return jsonata(text).ast()
}

// The result of the expression as JSON: { value }, or { error } if Step Functions would raise
// States.QueryEvaluationError.
export async function evaluate(text, bindings, now) {
  try {
    const expression = jsonata(text)
    // `$eval` cannot be removed, but a variable with the same name and no value hides it.
    expression.assign('eval', undefined)
    for (const [name, run] of Object.entries({ partition, range, hash, parse: JSON.parse })) expression.registerFunction(name, run)
    expression.registerFunction('millis', () => now, '<:n>')
    expression.registerFunction('now', () => new Date(now).toISOString(), '<s?s?:s>')
    const value = await expression.evaluate(undefined, bindings)
    const json = JSON.stringify(value)
    return json === undefined ? { error: 'undefined' } : { value: JSON.parse(json) }
  } catch (error) {
    return { error: error.code ?? error.message }
  }
}
