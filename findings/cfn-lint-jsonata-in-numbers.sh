#!/usr/bin/env bash
# cfn-lint rejects valid JSONata in the numeric fields of a state machine and accepts JSONata that cannot be parsed.
#
# version:  cfn-lint 1.58.0 (PyPI)
# expected: rule E3601 reads the query language of the definition, so an expression is valid in every field in which
#           Step Functions accepts one.
# seen:     cfn-lint requires numbers for TimeoutSeconds and MaxConcurrency, but accepts an expression for Seconds of a
#           Wait. It does not report an expression with an unclosed bracket in Arguments.
# matters:  a definition that Step Functions accepts can fail the lint, and a definition that Step Functions rejects can
#           pass it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check cfn-lint==1.58.0
cat >"$work/template.json" <<'JSON'
{"Resources": {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {
  "RoleArn": "arn:aws:iam::111122223333:role/machine",
  "Definition": {"QueryLanguage": "JSONata", "StartAt": "Work", "States": {
    "Work": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:111122223333:function:work", "TimeoutSeconds": "{% $states.input.limit %}",
      "Next": "Each"},
    "Each": {"Type": "Map", "Items": "{% $states.input.items %}", "MaxConcurrency": "{% $states.input.width %}",
      "ItemProcessor": {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": true}}}, "Next": "Pause"},
    "Pause": {"Type": "Wait", "Seconds": "{% $states.input.pause %}", "Next": "Broken"},
    "Broken": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:111122223333:function:work",
      "Arguments": {"text": "{% $join([$states.input.words %}"}, "End": true}
  }}}}}}
JSON
"$work/venv/bin/cfn-lint" --format json "$work/template.json" >"$work/faults.json" || [ $? = 2 ]
python3 - "$work/faults.json" >"$work/seen" <<'PYTHON'
import json
import sys

for fault in json.load(open(sys.argv[1])):
    print(fault["Rule"]["Id"], "/".join(map(str, fault["Location"]["Path"][5:])))
PYTHON
diff - "$work/seen" <<'SEEN'
E3601 Work/TimeoutSeconds
E3601 Each/MaxConcurrency
SEEN
cat "$work/seen"
