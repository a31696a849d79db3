// Creates random bindings (values of the variables) for an expression. The bindings are recorded bindings with changed
// values and types, or new bindings with the fields that the expression reads. An expression that the recorded run
// never evaluated gets only new bindings. The same seed always produces the same bindings.
import { ast } from './reference.mjs'

// Marks an integer that is written with a fraction in the JSON text (20.0), as some programs write it.
const WHOLE = '\u0001whole:'

export function random(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  return { below: (end) => Math.floor(next() * end), of: (list) => list[Math.floor(next() * list.length)] }
}

// Returns the variables and fields that an expression reads, and the string literals in the expression.
function read(expression) {
  const paths = []
  const texts = new Set()
  const walk = (node) => {
    if (Array.isArray(node)) return node.forEach(walk)
    if (node === null || typeof node !== 'object') return
    if (node.type === 'string') texts.add(node.value)
    if (node.type === 'function') return walk(node.arguments)
    if (node.type === 'variable') paths.push([node.value])
    if (node.type === 'path' && node.steps[0].type === 'variable') {
      const names = node.steps.slice(1)
      const end = names.findIndex((step) => step.type !== 'name')
      paths.push([node.steps[0].value, ...names.slice(0, end < 0 ? names.length : end).map((step) => step.value)])
    }
    Object.values(node).forEach(walk)
  }
  walk(ast(expression))
  return { paths: paths.filter(([name]) => name && name !== '$'), texts: [...texts] }
}

function anyValue(dice, texts, depth = 0) {
  const deeper = () => anyValue(dice, texts, depth + 1)
  const makers = [
    () => null,
    () => dice.of([true, false]),
    () => dice.of([0, 1, -1, 2, 20, 1.5, 0.1, 1e21, -1e-7, 123456789012345, 0.1 + 0.2]),
    () => `${WHOLE}${dice.of([0, 1, 20, 1000000])}`,
    () => dice.of(['', 'text', '日本', 'か\u3099', '"', '1', 'true', 'null', ...texts]),
    () => dice.of(texts.length ? texts : ['']),
    ...(depth > 2
      ? []
      : [
          () => [],
          () => [deeper()],
          () => [deeper(), deeper()],
          () => ({}),
          () => ({ [dice.of(['id', 'status', 'alias', 'message', 'Error'])]: deeper() }),
        ]),
  ]
  return dice.of(makers)()
}

function places(value, found = []) {
  for (const key of Object.keys(value ?? {})) {
    if (typeof value === 'string') break
    found.push([value, key])
    places(value[key], found)
  }
  return found
}

function changed(bindings, dice, texts) {
  const copy = structuredClone(bindings)
  for (let times = 1 + dice.below(3); times > 0; times--) {
    const all = places(copy)
    if (!all.length) return copy
    // Half of the changes are near the root of the bindings, because expressions read these values most often.
    const [holder, key] = dice.of(dice.below(2) ? all : all.slice(0, 12))
    const old = holder[key]
    const change = dice.below(8)
    if (change === 0 && Array.isArray(holder)) holder.splice(Number(key), 1)
    else if (change === 0) delete holder[key]
    else if (change === 1) holder[key] = [old]
    else if (change === 2) holder[key] = Array.isArray(old) ? (old[0] ?? null) : [old, structuredClone(old)]
    else holder[key] = anyValue(dice, texts)
  }
  return copy
}

function made(paths, dice, texts) {
  const bindings = {}
  for (const path of paths) {
    let holder = bindings
    for (const name of path.slice(0, -1)) {
      if (holder[name] === null || typeof holder[name] !== 'object' || Array.isArray(holder[name])) holder[name] = {}
      holder = holder[name]
    }
    const last = path.at(-1)
    if (holder[last] === undefined && dice.below(8)) holder[last] = anyValue(dice, texts)
  }
  return bindings
}

export function* variants(expression, recorded, count, seed) {
  const dice = random(seed)
  const { paths, texts } = read(expression)
  for (let number = 0; number < count; number++) {
    const base = recorded.length && dice.below(4) ? dice.of(recorded) : made(paths, dice, texts)
    yield number % 4 ? changed(base, dice, texts) : base
  }
}

// Returns the bindings as JSON text. Integers with the mark WHOLE are written with a fraction (20.0).
export function text(bindings) {
  return JSON.stringify(bindings).replace(/"\\u0001whole:(\d+)"/g, '$1.0')
}
