#!/usr/bin/env bash
# For a ScheduleV2 event, SAM creates a schedule whose name does not contain the stack's name, and a role without the
# permissions boundary of the function.
#
# version:  aws-sam-translator 1.115.0 (PyPI)
# expected: CloudFormation derives the name of the schedule from the stack, as it does for the function, and the
#           PermissionsBoundary of Globals.Function applies to every role that SAM creates for the function.
# seen:     the name of the schedule is the logical ID, in the schedule group "default", which all stacks of the Region
#           share. The role that the schedule assumes has no boundary. Each event needs OmitName and its own
#           PermissionsBoundary.
# matters:  a second stack in the same Region cannot be deployed. In an account that requires a permissions boundary,
#           no stack with such an event can be deployed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check aws-sam-translator==1.115.0
AWS_DEFAULT_REGION=us-east-1 "$work/venv/bin/python" - >"$work/seen" 2>"$work/log" <<'PYTHON'
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

schedule = {"ScheduleExpression": "rate(1 day)"}
boundary = "arn:aws:iam::111122223333:policy/boundary"


def resources(event):
    return Translator({}, Parser()).translate({
        "Transform": "AWS::Serverless-2016-10-31",
        "Globals": {"Function": {"PermissionsBoundary": boundary}},
        "Resources": {"Sync": {"Type": "AWS::Serverless::Function", "Properties": {
            "Runtime": "provided.al2023", "Handler": "sync", "CodeUri": "s3://bucket/code.zip",
            "Events": {"Daily": {"Type": "ScheduleV2", "Properties": event}},
        }}},
    }, {})["Resources"]


plain = resources(schedule)
print("function's name:", plain["Sync"]["Properties"].get("FunctionName"))
print("function's role:", "boundary" if "PermissionsBoundary" in plain["SyncRole"]["Properties"] else "no boundary")
print("schedule's name:", plain["SyncDaily"]["Properties"].get("Name"))
print("schedule's role:", "boundary" if "PermissionsBoundary" in plain["SyncDailyRole"]["Properties"] else "no boundary")
helped = resources({**schedule, "OmitName": True, "PermissionsBoundary": boundary})
print("with OmitName:", helped["SyncDaily"]["Properties"].get("Name"))
print("with its own:", "boundary" if "PermissionsBoundary" in helped["SyncDailyRole"]["Properties"] else "no boundary")
PYTHON
diff - "$work/seen" <<'SEEN'
function's name: None
function's role: boundary
schedule's name: SyncDaily
schedule's role: no boundary
with OmitName: None
with its own: boundary
SEEN
cat "$work/seen"
