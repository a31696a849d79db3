#!/usr/bin/env bash
# aws-local-stepfunctions completes an execution of a JSONata state machine without evaluating the expressions.
#
# version:  aws-local-stepfunctions 3.0.0 (npm)
# expected: aws-local-stepfunctions validates definitions, so it rejects a query language that it does not support.
# seen:     an expression with a syntax error is rejected, but a correct expression is never evaluated: the execution
#           succeeds and returns the input as the output. A Choice that uses JSONata fails.
# matters:  a test of a state machine without a Choice always passes, even if the expressions are wrong.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --prefix "$work" aws-local-stepfunctions@3.0.0
cat >"$work/run.mjs" <<'NODE'
import { StateMachine } from 'aws-local-stepfunctions'

const end = { Type: 'Pass', End: true }
const definitions = {
  output: { Add: { Type: 'Pass', Output: '{% $states.input.n + 1 %}', End: true } },
  broken: { Add: { Type: 'Pass', Output: '{% $states.input.n + %}', End: true } },
  choice: { Add: { Type: 'Choice', Choices: [{ Condition: '{% $states.input.n = 1 %}', Next: 'End' }] }, End: end },
}
for (const [name, States] of Object.entries(definitions)) {
  let seen
  try {
    seen = await new StateMachine({ QueryLanguage: 'JSONata', StartAt: 'Add', States }).run({ n: 1 }).result
  } catch (error) {
    seen = error.name
  }
  console.log(name, JSON.stringify(seen))
}
NODE
node "$work/run.mjs" >"$work/seen" 2>"$work/log"
diff - "$work/seen" <<'SEEN'
output {"n":1}
broken "Error"
choice "ExecutionError"
SEEN
cat "$work/seen"
