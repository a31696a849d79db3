"""Deploys template.yaml to the emulator as `sam deploy` would: code and definitions to a bucket, then the stack.

Reads its settings as one JSON object from standard input and prints the stack's outputs as one JSON object.
"""
import io
import json
import os
import re
import shlex
import shutil
import struct
import sys
import time
import zipfile
import zlib

import boto3
from botocore.config import Config

settings = json.load(sys.stdin)
clients = Config(retries={"max_attempts": 2}, s3={"addressing_style": "path"})


def client(service, endpoint="emulator"):
    return boto3.client(service, endpoint_url=settings[endpoint], config=clients)


def archive():
    """The functions' archive: a script that becomes the binary. The emulator reads, hashes and unpacks an archive for each
    function anew, which for the debug binary itself takes seconds."""
    binary = os.path.join(settings["folder"], "functions")
    try:
        os.link(settings["bootstrap"], binary)  # the file of today, also after the next build
    except OSError:  # on another file system
        shutil.copy2(settings["bootstrap"], binary)
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr(entry, f"#!/bin/sh\nexec {shlex.quote(binary)}\n")
    return content.getvalue()


def upload():
    """Code, definitions and the template with their places in it go to a bucket; gives the template's URL."""
    s3 = client("s3")
    bucket = "connect-onboarding-artifacts"
    try:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": os.environ["AWS_REGION"]})
    except s3.exceptions.BucketAlreadyOwnedByYou:  # of another stack of this account
        pass
    s3.put_object(Bucket=bucket, Key="bootstrap.zip", Body=archive())

    def definition(match):
        path = match.group(2)
        key = os.path.basename(path)
        s3.upload_file(os.path.join(settings["root"], path), bucket, key)
        return f"{match.group(1)}s3://{bucket}/{key}"

    with open(os.path.join(settings["root"], "template.yaml"), encoding="utf-8") as file:
        template = file.read()
    template = re.sub(r"(?m)^(\s*CodeUri:\s*)\.\s*$", rf"\g<1>s3://{bucket}/bootstrap.zip", template)
    template = re.sub(r"(?m)^(\s*DefinitionUri:\s*)(statemachine/\S+)\s*$", definition, template)
    # By its URL, as SAM does it: in the request itself a template may have 51,200 bytes only.
    s3.put_object(Bucket=bucket, Key="template.yaml", Body=template.encode())
    return f"{settings['emulator']}/{bucket}/template.yaml"


def entra():
    """What a person would have done before deploying, so that Entra knows the functions; gives the parameters of it."""
    if settings["federation"]:
        client("iam", "standIn").enable_outbound_web_identity_federation()
    secrets = client("secretsmanager")
    # Under a key of its own, as a careful person has it: then the functions need that key, too.
    key = client("kms").create_key(Description="Credentials for Microsoft Graph")["KeyMetadata"]["Arn"]
    return {
        secret["parameter"]: secrets.create_secret(
            Name=secret["name"],
            SecretString=secret["value"],
            KmsKeyId=key,
            Tags=[{"Key": "expires", "Value": secret["expires"]}],
        )["ARN"]
        for secret in settings["secrets"]
    }


def deploy(template, parameters):
    cloudformation = client("cloudformation")
    stack = settings["stack"]
    cloudformation.create_stack(
        StackName=stack,
        TemplateURL=template,
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


def keys(outputs):
    """Encrypts under the stack's key what the emulator's CloudFormation makes without it."""
    if "RegistryTable" not in outputs:
        return
    found = client("cloudformation").describe_stack_resource(StackName=settings["stack"], LogicalResourceId="Key")
    key = found["StackResourceDetail"]["PhysicalResourceId"]
    client("dynamodb").update_table(
        TableName=outputs["RegistryTable"],
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )
    client("sns").set_topic_attributes(
        TopicArn=outputs["NotificationTopicArn"], AttributeName="KmsMasterKeyId", AttributeValue=key
    )
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    for bucket in (outputs["StorageBucket"], outputs["DocumentsBucket"]):
        client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def pdf(text):
    """One page that says what it is."""
    stream = f"BT /F1 18 Tf 60 760 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    file, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj%s endobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return file + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        count, table, count, len(file)
    )


def png(side=64):
    """A grey square."""

    def chunk(kind, content):
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x99" * side) * side)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def documents(outputs):
    """Samples of the documents that the input names, as a person would have uploaded the real ones."""
    for key in settings["documents"] if "DocumentsBucket" in outputs else []:
        body = png() if key.lower().endswith(".png") else pdf("A sample document of Connect Onboarding, of nobody")
        client("s3").put_object(Bucket=outputs["DocumentsBucket"], Key=key, Body=body)


try:
    outputs = deploy(upload(), {**settings["parameters"], **entra()})
    keys(outputs)
    documents(outputs)
    print(json.dumps(outputs))
except Exception as error:  # what went wrong is for a person, not for a debugger
    sys.exit(f"{type(error).__name__}: {error}")
