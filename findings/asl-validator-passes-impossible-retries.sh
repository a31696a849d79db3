#!/usr/bin/env bash
# asl-validator accepts retriers and variable names that the Amazon States Language forbids.
#
# version:  asl-validator 4.0.0, jsonata 2.0.6 (npm)
# expected: asl-validator has a JSON schema for retriers, so it rejects values that the specification does not allow.
# seen:     asl-validator accepts States.ALL together with other error names and in a retrier that is not the last one.
#           It also accepts JitterStrategy HALF, a BackoffRate below 1, a MaxDelaySeconds below IntervalSeconds, a
#           heartbeat above the timeout, and variables named "states" and "$x". asl-validator does reject a negative
#           wait and a transition out of a branch.
# matters:  each accepted definition passes a check that relies on asl-validator, and then fails at deployment.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --prefix "$work" asl-validator@4.0.0 jsonata@2.0.6
cat >"$work/check.cjs" <<'NODE'
const validate = require('asl-validator')
const machine = (state) => ({ QueryLanguage: 'JSONata', StartAt: 'Only', States: { Only: { ...state, End: true } } })
const task = (more) => machine({ Type: 'Task', Resource: 'arn:aws:lambda:us-east-1:111122223333:function:work', ...more })
const retry = (...Retry) => task({ Retry })
const cases = {
  'States.ALL beside another name': retry({ ErrorEquals: ['States.ALL', 'Throttled'] }),
  'States.ALL before the last retrier': retry({ ErrorEquals: ['States.ALL'] }, { ErrorEquals: ['Throttled'] }),
  'JitterStrategy HALF': retry({ ErrorEquals: ['Throttled'], JitterStrategy: 'HALF' }),
  'BackoffRate 0.5': retry({ ErrorEquals: ['Throttled'], BackoffRate: 0.5 }),
  'MaxDelaySeconds below IntervalSeconds': retry({ ErrorEquals: ['Throttled'], IntervalSeconds: 10, MaxDelaySeconds: 5 }),
  'heartbeat above the timeout': task({ TimeoutSeconds: 5, HeartbeatSeconds: 10 }),
  'variable named states': task({ Assign: { states: 1 } }),
  'variable named $x': task({ Assign: { $x: 1 } }),
  'negative wait': machine({ Type: 'Wait', Seconds: -1 }),
}
;(async () => {
  for (const [name, definition] of Object.entries(cases))
    console.log(`${name}: ${(await validate(definition)).isValid ? 'passed' : 'refused'}`)
})()
NODE
node "$work/check.cjs" >"$work/seen"
diff - "$work/seen" <<'SEEN'
States.ALL beside another name: passed
States.ALL before the last retrier: passed
JitterStrategy HALF: passed
BackoffRate 0.5: passed
MaxDelaySeconds below IntervalSeconds: passed
heartbeat above the timeout: passed
variable named states: passed
variable named $x: passed
negative wait: refused
SEEN
cat "$work/seen"
