#!/usr/bin/env bash
# Microsoft's Graph client for JavaScript truncates a filter if a group's name contains `&` or `#`.
#
# version:  @microsoft/microsoft-graph-client 3.0.7 (npm)
# expected: the argument of `.filter(…)` is a filter and not a query string, so the client encodes the characters that
#           are reserved in a query string.
# seen:     the client encodes only spaces, quotes and non-ASCII letters. `&` begins a new query parameter, `#` and all
#           text after it are not sent, and `+` arrives as a space.
# matters:  a search for the group "R&D #1" returns an error or other groups. A program must encode the value itself
#           before the call.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --prefix "$work" @microsoft/microsoft-graph-client@3.0.7
cat >"$work/filter.mjs" <<'NODE'
import { createServer } from 'node:http'
import { Client } from '@microsoft/microsoft-graph-client'

const server = createServer((request, response) => {
  const query = new URL(request.url, 'http://graph').searchParams
  console.log(JSON.stringify(Object.fromEntries(query)))
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"value": []}')
}).listen(0, '127.0.0.1', async () => {
  const baseUrl = `http://127.0.0.1:${server.address().port}/`
  const client = Client.init({ baseUrl, customHosts: new Set(['127.0.0.1']), authProvider: (done) => done(null, 'token') })
  for (const name of ['Agents Osaka', 'R&D', 'Agents #1', 'C+D', 'Vertrieb Köln'])
    await client.api('/groups').filter(`displayName eq '${name}'`).get()
  server.close()
})
NODE
node "$work/filter.mjs" >"$work/seen"
diff - "$work/seen" <<'SEEN'
{"$filter":"displayName eq 'Agents Osaka'"}
{"$filter":"displayName eq 'R","D'":""}
{"$filter":"displayName eq 'Agents "}
{"$filter":"displayName eq 'C D'"}
{"$filter":"displayName eq 'Vertrieb Köln'"}
SEEN
cat "$work/seen"
