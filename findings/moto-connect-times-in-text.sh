#!/usr/bin/env bash
# moto writes the times of Amazon Connect as text, which boto3 accepts and the AWS SDK for JavaScript rejects.
#
# version:  moto 5.2.5 (PyPI), @aws-sdk/client-connect 3.1136.0 (npm)
# expected: in Connect's protocol (restJson1), a time in a body is a number of seconds, and a mock of Connect sends such
#           a number too.
# seen:     CreatedTime is the text "2026-…T…+00:00". boto3 accepts a number and a text. The SDK for JavaScript accepts
#           only a number.
# matters:  a mock that works with one SDK may not work with other SDKs. The mock's responses must be compared with the
#           service model.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check moto==5.2.5
npm install --silent --no-audit --no-fund --prefix "$work" @aws-sdk/client-connect@3.1136.0
cat >"$work/connect.py" <<'PYTHON'
import json
import sys

import boto3
from moto import mock_aws


@mock_aws
def main():
    client, bodies = boto3.client("connect", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x"), []
    client.meta.events.register("before-parse.connect.*", lambda response_dict, **_: bodies.append(response_dict["body"]))
    settings = {"IdentityManagementType": "CONNECT_MANAGED", "InboundCallsEnabled": True, "OutboundCallsEnabled": True}
    instance = client.create_instance(InstanceAlias="example", **settings)["Id"]
    read = client.describe_instance(InstanceId=instance)["Instance"]["CreatedTime"]
    written = json.loads(bodies[-1])["Instance"]["CreatedTime"]
    print(f"moto writes {type(written).__name__}, boto3 reads {type(read).__name__}")
    sys.stderr.write(bodies[-1].decode())


main()
PYTHON
cat >"$work/sdk.mjs" <<'NODE'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { ConnectClient, DescribeInstanceCommand } from '@aws-sdk/client-connect'

const told = readFileSync(process.argv[2], 'utf8')
const answers = { text: told, number: told.replace(/"CreatedTime": "[^"]*"/, '"CreatedTime": 1796000000') }
for (const [form, body] of Object.entries(answers)) {
  const response = { statusCode: 200, headers: { 'content-type': 'application/json' }, body: Readable.from([body]) }
  const client = new ConnectClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
    maxAttempts: 1,
    requestHandler: { handle: async () => ({ response }), metadata: {}, destroy() {} },
  })
  const seen = await client.send(new DescribeInstanceCommand({ InstanceId: 'i' })).then(
    ({ Instance }) => Instance.CreatedTime.constructor.name,
    (error) => error.name
  )
  console.log(`the SDK for JavaScript, ${form}: ${seen}`)
}
NODE
"$work/venv/bin/python" "$work/connect.py" >"$work/seen" 2>"$work/body"
node "$work/sdk.mjs" "$work/body" >>"$work/seen" 2>"$work/log"
diff - "$work/seen" <<'SEEN'
moto writes str, boto3 reads datetime
the SDK for JavaScript, text: TypeError
the SDK for JavaScript, number: Date
SEEN
cat "$work/seen"
