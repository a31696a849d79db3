#!/usr/bin/env bash
# Two parsers of OData filters reject filters that Microsoft Graph accepts and that its documentation uses.
#
# version:  odata-query 0.10.0 (PyPI), odata-v4-parser 0.1.29 (npm)
# expected: Graph's `$filter` is an OData 4 filter, so a parser for OData 4 accepts the filters of Graph's documentation,
#           for example `endsWith(mail,'@contoso.example')` and `assignedLicenses/$count eq 0`.
# seen:     both parsers accept `endswith` and reject `endsWith`, although odata-query ignores the case of operators.
#           odata-query also rejects `/$count`, and odata-v4-parser rejects `in`. Both parsers accept lambda operators,
#           GUIDs without quotes, and doubled quotes.
# matters:  a test server that emulates Graph with such a parser rejects correct requests.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check odata-query==0.10.0
npm install --silent --no-audit --no-fund --prefix "$work" odata-v4-parser@0.1.29
cat >"$work/filters.json" <<'JSON'
["displayName eq 'O''Brien'", "resourceId eq 7c9e6679-7425-40de-944b-e07fc1f90ae7", "groupTypes/any(c:c eq 'Unified')",
 "endswith(mail,'@contoso.example')", "endsWith(mail,'@contoso.example')", "userType in ('Member','Guest')",
 "assignedLicenses/$count eq 0", "accountEnabled eq true and userType eq 'Guest'",
 "accountEnabled eq true AND userType eq 'Guest'"]
JSON
cat >"$work/parse.mjs" <<'NODE'
import { readFileSync } from 'node:fs'
import parser from 'odata-v4-parser'

for (const filter of JSON.parse(readFileSync(new URL('filters.json', import.meta.url)))) {
  let seen = 'accepted'
  try {
    parser.filter(filter)
  } catch (error) {
    seen = 'refused'
  }
  console.log(`odata-v4-parser ${seen}`)
}
NODE
"$work/venv/bin/python" - "$work/filters.json" >"$work/python" <<'PYTHON'
import json
import sys

from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

for text in json.load(open(sys.argv[1])):
    try:
        ODataParser().parse(ODataLexer().tokenize(text))
        print(f"{text}: odata-query accepted")
    except ODataException as error:
        print(f"{text}: odata-query {type(error).__name__}")
PYTHON
node "$work/parse.mjs" >"$work/node"
paste -d '|' "$work/python" "$work/node" >"$work/seen"
diff - "$work/seen" <<'SEEN'
displayName eq 'O''Brien': odata-query accepted|odata-v4-parser accepted
resourceId eq 7c9e6679-7425-40de-944b-e07fc1f90ae7: odata-query accepted|odata-v4-parser accepted
groupTypes/any(c:c eq 'Unified'): odata-query accepted|odata-v4-parser accepted
endswith(mail,'@contoso.example'): odata-query accepted|odata-v4-parser accepted
endsWith(mail,'@contoso.example'): odata-query UnknownFunctionException|odata-v4-parser refused
userType in ('Member','Guest'): odata-query accepted|odata-v4-parser refused
assignedLicenses/$count eq 0: odata-query TokenizingException|odata-v4-parser accepted
accountEnabled eq true and userType eq 'Guest': odata-query accepted|odata-v4-parser accepted
accountEnabled eq true AND userType eq 'Guest': odata-query accepted|odata-v4-parser refused
SEEN
cat "$work/seen"
