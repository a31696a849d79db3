"""Deploys template.yaml to the emulator as `sam deploy` would: code and definitions to a bucket, then the stack.

Reads its settings as one JSON object from standard input and prints the stack's outputs as one JSON object.
"""
import json
import os
import re
import sys
import time
import zipfile

import boto3
from botocore.config import Config

settings = json.load(sys.stdin)
clients = Config(retries={"max_attempts": 2}, s3={"addressing_style": "path"})


def client(service):
    return boto3.client(service, endpoint_url=settings["emulator"], config=clients)


def upload():
    """Code and definitions go to a bucket; gives the template with their places in it."""
    s3 = client("s3")
    bucket = "connect-onboarding-artifacts"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": os.environ["AWS_REGION"]})
    # Not compressed: nothing is sent over a network, and compressing a debug binary takes seconds.
    archive = os.path.join(settings["folder"], "bootstrap.zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        with open(settings["bootstrap"], "rb") as binary:
            file.writestr(entry, binary.read())
    s3.upload_file(archive, bucket, "bootstrap.zip")
    os.remove(archive)

    def definition(match):
        path = match.group(2)
        key = os.path.basename(path)
        s3.upload_file(os.path.join(settings["root"], path), bucket, key)
        return f"{match.group(1)}s3://{bucket}/{key}"

    with open(os.path.join(settings["root"], "template.yaml"), encoding="utf-8") as file:
        template = file.read()
    template = re.sub(r"(?m)^(\s*CodeUri:\s*)\.\s*$", rf"\g<1>s3://{bucket}/bootstrap.zip", template)
    return re.sub(r"(?m)^(\s*DefinitionUri:\s*)(statemachine/\S+)\s*$", definition, template)


def secret():
    """The Graph credential, as a person would have put it there before deploying."""
    made = client("secretsmanager").create_secret(
        Name="connect-onboarding/graph", SecretString=json.dumps(settings["credential"])
    )
    return made["ARN"]


def deploy(template, parameters):
    cloudformation = client("cloudformation")
    stack = "connect-onboarding"
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=template,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    end = time.monotonic() + 120
    while time.monotonic() < end:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        if found["StackStatus"] == "CREATE_COMPLETE":
            return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
        if found["StackStatus"] != "CREATE_IN_PROGRESS":
            break
        time.sleep(0.1)
    reasons = [
        f"{event.get('LogicalResourceId')}: {event['ResourceStatusReason']}"
        for event in cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        if event.get("ResourceStatusReason") and "FAILED" in event.get("ResourceStatus", "")
    ]
    sys.exit("\n".join([f"the stack is {found['StackStatus']}: {found.get('StackStatusReason', '')}", *reasons]))


def documents(outputs):
    """Stand-ins for the documents that the input names, so that an order can attach them."""
    bucket = outputs.get("DocumentsBucket") or outputs.get("StorageBucket")
    for key in settings["documents"] if bucket else []:
        client("s3").put_object(Bucket=bucket, Key=key, Body=b"%PDF-1.4\n% a stand-in\n", ContentType="application/pdf")


try:
    outputs = deploy(upload(), {**settings["parameters"], "GraphCredentialSecret": secret()})
    documents(outputs)
    print(json.dumps(outputs))
except Exception as error:  # what went wrong is for a person, not for a debugger
    sys.exit(f"{type(error).__name__}: {error}")
