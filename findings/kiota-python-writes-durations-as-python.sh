#!/usr/bin/env bash
# The JSON library of Microsoft's Graph SDK for Python reads durations in ISO 8601, but writes them in Python's format.
#
# version:  microsoft-kiota-serialization-json 1.16.0 (PyPI); @microsoft/kiota-serialization-json and
#           @microsoft/kiota-abstractions 1.0.0-preview.109 (npm)
# expected: Graph uses ISO 8601 for durations, for example for the lifetime of a client secret in an app management
#           policy ("P180D"). The library writes a duration as it read it.
# seen:     the library writes "180 days, 0:00:00", and reads this text as None without an error. Shorter durations
#           become "8:00:00" or "0:30:00". The same library for JavaScript writes all durations unchanged.
# matters:  Graph rejects an object that a program read and sends back (issue 1262 of msgraph-sdk-python). The program
#           must assign the text "P180D" instead of the timedelta, which the library writes unchanged.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check microsoft-kiota-serialization-json==1.16.0
npm install --silent --no-audit --no-fund --prefix "$work" @microsoft/kiota-serialization-json@1.0.0-preview.109 \
  @microsoft/kiota-abstractions@1.0.0-preview.109
{
  "$work/venv/bin/python" - <<'PYTHON'
import json

from kiota_serialization_json.json_parse_node import JsonParseNode
from kiota_serialization_json.json_serialization_writer import JsonSerializationWriter


def write(value):
    writer = JsonSerializationWriter()
    writer.write_timedelta_value("maxLifetime", value)
    return json.loads(writer.get_serialized_content())["maxLifetime"]


for text in ("P180D", "P1DT12H", "PT8H", "PT30M"):
    written = write(JsonParseNode(text).get_timedelta_value())
    print(f"Python, {text}: {written}, read again: {JsonParseNode(written).get_timedelta_value()}")
print(f"Python, the text P180D: {write('P180D')}")
PYTHON
  cat >"$work/write.mjs" <<'NODE'
import { JsonParseNode, JsonSerializationWriter } from '@microsoft/kiota-serialization-json'

for (const text of ['P180D', 'P1DT12H', 'PT8H', 'PT30M']) {
  const writer = new JsonSerializationWriter()
  writer.writeDurationValue(undefined, new JsonParseNode(text).getDurationValue())
  console.log(`JavaScript, ${text}: ${JSON.parse(Buffer.from(writer.getSerializedContent()).toString())}`)
}
NODE
  node "$work/write.mjs"
} >"$work/seen"
diff - "$work/seen" <<'SEEN'
Python, P180D: 180 days, 0:00:00, read again: None
Python, P1DT12H: 1 day, 12:00:00, read again: None
Python, PT8H: 8:00:00, read again: 8:00:00
Python, PT30M: 0:30:00, read again: 0:30:00
Python, the text P180D: P180D
JavaScript, P180D: P180D
JavaScript, P1DT12H: P1DT12H
JavaScript, PT8H: PT8H
JavaScript, PT30M: PT30M
SEEN
cat "$work/seen"
