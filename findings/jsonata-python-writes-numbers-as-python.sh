#!/usr/bin/env bash
# jsonata-python converts a number or a letter to different text inside an array or object than outside.
#
# version:  jsonata-python 0.7.1 (PyPI), jsonata 2.0.6 (npm)
# expected: $string returns JSON in the format of JavaScript, at any depth. jsonata-python does this for a number that
#           is not nested.
# seen:     inside an array or object, an integer keeps its fraction (20.0), exponents have two digits (1e-07), and
#           non-ASCII letters are escaped. A path expression omits a null that is in a nested array.
# matters:  a state may store, compare or hash an object as text. The result then differs between an emulator and AWS if
#           the object comes from a program that writes 20 as 20.0, as Rust and Java do for floats.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check jsonata-python==0.7.1
npm install --silent --no-audit --no-fund --prefix "$work" jsonata@2.0.6
echo '{"whole": 20.0, "small": 1e-7, "name": "日本", "deep": [[{"a": [null]}]]}' >"$work/input.json"
cat >"$work/expressions.json" <<'JSON'
["$string(whole)", "$string([whole, small, name])", "$string({'n': whole})", "$exists(deep.a)"]
JSON
cat >"$work/evaluate.mjs" <<'NODE'
import { readFileSync } from 'node:fs'
import jsonata from 'jsonata'

const read = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url)))
for (const text of read('expressions.json')) console.log(`${text} = ${JSON.stringify(await jsonata(text).evaluate(read('input.json')))}`)
NODE
node "$work/evaluate.mjs" >"$work/reference"
"$work/venv/bin/python" - "$work" >"$work/port" <<'PYTHON'
import json
import sys

from jsonata import Jsonata

read = lambda name: json.load(open(f"{sys.argv[1]}/{name}"))  # noqa: E731
for text in read("expressions.json"):
    print(json.dumps(Jsonata(text).evaluate(read("input.json")), ensure_ascii=False))
PYTHON
paste -d '|' "$work/reference" "$work/port" >"$work/seen"
diff - "$work/seen" <<'SEEN'
$string(whole) = "20"|"20"
$string([whole, small, name]) = "[20,1e-7,\"日本\"]"|"[20.0,1e-07,\"\\u65e5\\u672c\"]"
$string({'n': whole}) = "{\"n\":20}"|"{\"n\":20.0}"
$exists(deep.a) = true|false
SEEN
cat "$work/seen"
