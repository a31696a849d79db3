// Evaluates JSONata expressions, with the functions that Step Functions adds. Each line of the input contains one
// expression as a JSON string.
import { createHash, randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import jsonata from 'jsonata'

const ADDED = {
  partition: (array, size) =>
    Array.from({ length: Math.ceil(array.length / size) }, (_, at) => array.slice(at * size, (at + 1) * size)),
  range: (first, last, step) => {
    const values = []
    for (let value = first; step > 0 ? value <= last : value >= last; value += step) values.push(value)
    return values
  },
  hash: (text, algorithm) => createHash(algorithm.toLowerCase().replace('-', '')).update(text).digest('hex'),
  random: () => Math.random(),
  uuid: () => randomUUID(),
  parse: (text) => JSON.parse(text),
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer
  try {
    const expression = jsonata(JSON.parse(line))
    for (const [name, call] of Object.entries(ADDED)) expression.assign(name, call)
    answer = { value: await expression.evaluate(undefined) }
  } catch (error) {
    answer = { error: `${error.code}: ${error.message}` }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
