#!/usr/bin/env bash
# jsonata-python returns other results than the reference implementation of JSONata for null, for `in`, and for text
# that contains a number.
#
# version:  jsonata-python 0.7.1 (PyPI), jsonata 2.0.6 (npm)
# expected: a port that passes the test suite of the reference implementation evaluates the conditions of a state
#           machine identically.
# seen:     $count(null) is 0 in Python and 1 in JavaScript. `1 in [true]` is true in Python. Text with spaces or
#           underscores is a number in Python, while the reference implementation raises D3030.
# matters:  emulators evaluate Step Functions definitions with jsonata-python, so a Choice can take another branch there
#           than in AWS.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check jsonata-python==0.7.1
npm install --silent --no-audit --no-fund --prefix "$work" jsonata@2.0.6
cat >"$work/expressions.json" <<'JSON'
["$count(null)", "$count([])", "1 in [true]", "$number(' 1 ')", "$number('1_000')", "$number('1e3')"]
JSON
cat >"$work/evaluate.mjs" <<'NODE'
import { readFileSync } from 'node:fs'
import jsonata from 'jsonata'

for (const text of JSON.parse(readFileSync(new URL('expressions.json', import.meta.url)))) {
  const result = await jsonata(text).evaluate({}).then(JSON.stringify, (error) => error.code)
  console.log(`${text} = ${result}`)
}
NODE
node "$work/evaluate.mjs" >"$work/reference"
"$work/venv/bin/python" - "$work/expressions.json" >"$work/port" <<'PYTHON'
import json
import sys

from jsonata import Jsonata

for text in json.load(open(sys.argv[1])):
    print(f"{text} = {json.dumps(Jsonata(text).evaluate({}))}")
PYTHON
paste -d '|' "$work/reference" "$work/port" >"$work/seen"
diff - "$work/seen" <<'SEEN'
$count(null) = 1|$count(null) = 0
$count([]) = 0|$count([]) = 0
1 in [true] = false|1 in [true] = true
$number(' 1 ') = D3030|$number(' 1 ') = 1
$number('1_000') = D3030|$number('1_000') = 1000
$number('1e3') = 1000|$number('1e3') = 1000
SEEN
cat "$work/seen"
