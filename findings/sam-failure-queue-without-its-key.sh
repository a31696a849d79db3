#!/usr/bin/env bash
# SAM allows a function to send failed events to an encrypted queue, but not to use the KMS key that encrypts the queue.
#
# version:  aws-sam-translator 1.115.0 (PyPI)
# expected: EventInvokeConfig and DeadLetterQueue give the function's role all permissions that the role needs to send
#           failed events to the queue. The queue is in the same template and names its KMS key, so these permissions
#           are sqs:SendMessage, kms:GenerateDataKey and kms:Decrypt.
# seen:     the role gets sqs:SendMessage twice, but no KMS action. The template must add the KMS permissions to the
#           function's policies.
# matters:  failed events are lost. The deployment reports no error, so the fault is noticed only when an event fails.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check aws-sam-translator==1.115.0
AWS_DEFAULT_REGION=us-east-1 "$work/venv/bin/python" - >"$work/seen" 2>"$work/log" <<'PYTHON'
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

arn = {"Fn::GetAtt": ["Failed", "Arn"]}
template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {
    "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {}}},
    "Failed": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]}}},
    "Work": {"Type": "AWS::Serverless::Function", "Properties": {
        "Runtime": "provided.al2023", "Handler": "work", "CodeUri": "s3://bucket/code.zip",
        "DeadLetterQueue": {"Type": "SQS", "TargetArn": arn},
        "EventInvokeConfig": {"DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": arn}}},
    }},
}}
role = Translator({}, Parser()).translate(template, {})["Resources"]["WorkRole"]["Properties"]
for policy in role["Policies"]:
    for statement in policy["PolicyDocument"]["Statement"]:
        print(policy["PolicyName"], statement["Action"], statement["Resource"] == arn)
print("managed:", *(arn.rsplit("/", 1)[-1] for arn in role["ManagedPolicyArns"]))
PYTHON
diff - "$work/seen" <<'SEEN'
DeadLetterQueuePolicy sqs:SendMessage True
WorkEventInvokeConfigOnFailureSQSPolicy sqs:SendMessage True
managed: AWSLambdaBasicExecutionRole
SEEN
cat "$work/seen"
