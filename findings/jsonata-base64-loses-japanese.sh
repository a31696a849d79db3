#!/usr/bin/env bash
# JSONata's $base64encode loses every character outside Latin-1, without an error.
#
# version:  jsonata 2.0.6 (npm), the version that AWS documents for Step Functions; jsonata-python 0.7.1 (PyPI)
# expected: the text is encoded as UTF-8, which is also what the program `base64` does and what the decoders of JSON
#           APIs expect.
# seen:     each character becomes one byte: é becomes 0xE9, and only the lower byte of each character of 日本 is kept, so
#           that decoding returns other characters. jsonata-python, with which emulators evaluate the same
#           definitions, encodes as UTF-8.
# matters:  a display name or a document that a state encodes arrives damaged, but only in AWS and not in an emulator.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check jsonata-python==0.7.1
npm install --silent --no-audit --no-fund --prefix "$work" jsonata@2.0.6
{
  cat >"$work/encode.mjs" <<'NODE'
import jsonata from 'jsonata'

for (const text of ['Anna', 'é', '日本']) {
  const back = await jsonata('$base64decode($base64encode($))').evaluate(text)
  console.log(`jsonata ${text}: ${await jsonata('$base64encode($)').evaluate(text)}, back ${back === text}`)
}
NODE
  node "$work/encode.mjs"
  "$work/venv/bin/python" - <<'PYTHON'
from jsonata import Jsonata

for text in ("Anna", "é", "日本"):
    print(f"jsonata-python {text}: {Jsonata('$base64encode($)').evaluate(text)}")
PYTHON
} >"$work/seen"
diff - "$work/seen" <<'SEEN'
jsonata Anna: QW5uYQ==, back true
jsonata é: 6Q==, back true
jsonata 日本: 5Sw=, back false
jsonata-python Anna: QW5uYQ==
jsonata-python é: w6k=
jsonata-python 日本: 5pel5pys
SEEN
cat "$work/seen"
