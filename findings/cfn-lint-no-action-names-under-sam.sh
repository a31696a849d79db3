#!/usr/bin/env bash
# cfn-lint reports a misspelled IAM action in a template, but not if the template declares the SAM transform.
#
# version:  cfn-lint 1.58.0 (PyPI)
# expected: the transform does not change the role, which is plain CloudFormation, so rule W3037 checks the role in both
#           templates.
# seen:     rule W3037 reports the action in the template without the transform, and does not report it in the template
#           with the transform. `sam validate --lint` disables the rule too.
# matters:  in a SAM application, a misspelled action is detected only when the deployed application first uses the
#           action.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check cfn-lint==1.58.0
cat >"$work/plain.yaml" <<'YAML'
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]
      Policies:
        - PolicyName: users
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{Effect: Allow, Action: "connect:CreateUsers", Resource: "*"}]
YAML
{ echo 'Transform: AWS::Serverless-2016-10-31'; cat "$work/plain.yaml"; } >"$work/sam.yaml"
for template in plain sam; do
  "$work/venv/bin/cfn-lint" --format json "$work/$template.yaml" >"$work/faults.json" || [ $? = 4 ]
  python3 - "$template" "$work/faults.json" <<'PYTHON'
import json
import sys

print(sys.argv[1], [fault["Rule"]["Id"] for fault in json.load(open(sys.argv[2]))])
PYTHON
done >"$work/seen"
diff - "$work/seen" <<'SEEN'
plain ['W3037']
sam []
SEEN
cat "$work/seen"
