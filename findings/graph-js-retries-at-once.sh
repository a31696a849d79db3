#!/usr/bin/env bash
# Microsoft's Graph client for JavaScript repeats a throttled request immediately if the response has the header
# `Retry-After: 30,120`.
#
# version:  @microsoft/microsoft-graph-client 3.0.7 (npm)
# expected: if the client cannot parse the header, it waits for its default delay, as it does if the header is missing
#           (3 s).
# seen:     the client converts the text to NaN, and a timer of NaN milliseconds fires immediately. The request and its
#           retry are therefore less than a second apart. With "2", the client waits. Graph does sometimes send two
#           numbers (issue 1159 of msgraph-sdk-python). A POST is retried in the same way as a GET, even after a 504,
#           although the first POST may have created the object.
# matters:  the retries increase the throttling, and an object can be created twice.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --prefix "$work" @microsoft/microsoft-graph-client@3.0.7
cat >"$work/retry.mjs" <<'NODE'
import { createServer } from 'node:http'
import { Client } from '@microsoft/microsoft-graph-client'

let refusal
const times = []
const server = createServer((request, response) => {
  times.push(Date.now())
  const [status, headers] = times.length === 1 ? refusal : [201, {}]
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end('{}')
}).listen(0, '127.0.0.1', async () => {
  const baseUrl = `http://127.0.0.1:${server.address().port}/`
  const client = Client.init({ baseUrl, customHosts: new Set(['127.0.0.1']), authProvider: (done) => done(null, 'token') })
  for (refusal of [[429, { 'Retry-After': '2' }], [429, { 'Retry-After': '30,120' }], [504, {}]]) {
    times.length = 0
    await client.api('/groups').post({ displayName: 'Agents' })
    const waited = times[1] - times[0] < 1000 ? 'at once' : 'after a wait'
    console.log(`POST, ${refusal[0]} ${JSON.stringify(refusal[1])}: ${times.length} requests, ${waited}`)
  }
  server.close()
})
NODE
node "$work/retry.mjs" >"$work/seen"
diff - "$work/seen" <<'SEEN'
POST, 429 {"Retry-After":"2"}: 2 requests, after a wait
POST, 429 {"Retry-After":"30,120"}: 2 requests, at once
POST, 504 {}: 2 requests, after a wait
SEEN
cat "$work/seen"
