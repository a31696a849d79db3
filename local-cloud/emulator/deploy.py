"""Deploys template.yaml to the emulator as `sam deploy` would: uploads code and definitions to a bucket, then creates
the stack.

Reads its settings as one JSON object from standard input and prints the stack's outputs as one JSON object. Implements
the AWS protocols itself, because loading an SDK takes longer than the deployment."""
import http.client
import io
import json
import os
import re
import shlex
import shutil
import struct
import sys
import time
import urllib.parse
import uuid
import xml.etree.ElementTree as xml
import zipfile
import zlib

settings = json.load(sys.stdin)


def call(service, method, path, body, headers, endpoint="emulator"):
    """Makes one call with the operator's access key. The signature is a placeholder, because the local cloud reads only
    the access key, the service and the Region from it."""
    scope = f"{os.environ['AWS_ACCESS_KEY_ID']}/20260101/{os.environ['AWS_REGION']}/{service}/aws4_request"
    signature = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    address = urllib.parse.urlparse(settings[endpoint])
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
    try:
        connection.request(method, path, body, {"authorization": signature, **headers})
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if answer.status >= 300:
        raise RuntimeError(f"{service}: {method} {path}: HTTP {answer.status}: {text.decode(errors='replace')}")
    return text


def json_call(service, target, **fields):
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": target}
    return json.loads(call(service, "POST", "/", json.dumps(fields), headers))


def query(service, version, action, fields, endpoint="emulator"):
    """Makes a call in the query protocol. Returns the XML response without namespaces."""
    form = urllib.parse.urlencode({"Action": action, "Version": version, **fields})
    text = call(service, "POST", "/", form, {"content-type": "application/x-www-form-urlencoded"}, endpoint)
    answer = xml.fromstring(text)
    for element in answer.iter():
        element.tag = element.tag.rpartition("}")[2]
    return answer


def cloudformation(action, **fields):
    return query("cloudformation", "2010-05-15", action, {"StackName": settings["stack"], **fields})


def put(path, body):
    call("s3", "PUT", urllib.parse.quote(path, safe="/?"), body, {})


def archive():
    """Returns the functions' archive: a script that executes the binary.

    The emulator reads, hashes and unpacks the archive for each function, which would take seconds if the archive
    contained the debug binary."""
    binary = os.path.join(settings["folder"], "functions")
    try:
        os.link(settings["bootstrap"], binary)  # the next build replaces the binary; this link keeps the current binary
    except OSError:  # a hard link to another file system is not possible
        shutil.copy2(settings["bootstrap"], binary)
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr(entry, f"#!/bin/sh\nexec {shlex.quote(binary)}\n")
    return content.getvalue()


def upload():
    """Uploads the functions' code, the state machine definitions, and a template that refers to both. Returns the
    template's URL."""
    bucket = "connect-onboarding-artifacts"
    region = f"<LocationConstraint>{os.environ['AWS_REGION']}</LocationConstraint>"
    try:
        put(f"/{bucket}", f"<CreateBucketConfiguration>{region}</CreateBucketConfiguration>")
    except RuntimeError as error:
        if "BucketAlreadyOwnedByYou" not in str(error):  # an earlier deployment has already created the bucket
            raise
    put(f"/{bucket}/bootstrap.zip", archive())

    def definition(match):
        path = match.group(2)
        key = os.path.basename(path)
        with open(os.path.join(settings["root"], path), "rb") as file:
            put(f"/{bucket}/{key}", file.read())
        return f"{match.group(1)}s3://{bucket}/{key}"

    with open(os.path.join(settings["root"], "template.yaml"), encoding="utf-8") as file:
        template = file.read()
    template = re.sub(r"(?m)^(\s*CodeUri:\s*)\.\s*$", rf"\g<1>s3://{bucket}/bootstrap.zip", template)
    template = re.sub(r"(?m)^(\s*DefinitionUri:\s*)(statemachine/\S+)\s*$", definition, template)
    # The template is passed by URL, as SAM does, because an inline template is limited to 51,200 bytes.
    put(f"/{bucket}/template.yaml", template.encode())
    return f"{settings['emulator']}/{bucket}/template.yaml"


def entra():
    """Creates the AWS resources that an administrator sets up before a deployment: the secrets for Entra and the
    outbound identity federation. Returns the stack parameters that contain the ARNs of the secrets."""
    if settings["federation"]:
        query("iam", "2010-05-08", "EnableOutboundWebIdentityFederation", {}, "standIn")
    # The secrets are encrypted with a separate KMS key, so the functions need permissions for this key too.
    key = json_call("kms", "TrentService.CreateKey", Description="Credentials for Microsoft Graph")["KeyMetadata"]["Arn"]
    return {
        secret["parameter"]: json_call(
            "secretsmanager",
            "secretsmanager.CreateSecret",
            Name=secret["name"],
            ClientRequestToken=str(uuid.uuid4()),
            SecretString=secret["value"],
            KmsKeyId=key,
            Tags=[{"Key": "expires", "Value": secret["expires"]}],
        )["ARN"]
        for secret in settings["secrets"]
    }


def deploy(template, parameters):
    fields = {"TemplateURL": template}
    for number, (key, value) in enumerate(parameters.items(), 1):
        fields[f"Parameters.member.{number}.ParameterKey"] = key
        fields[f"Parameters.member.{number}.ParameterValue"] = value
    for number, capability in enumerate(["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"], 1):
        fields[f"Capabilities.member.{number}"] = capability
    cloudformation("CreateStack", **fields)
    end = time.monotonic() + 120
    while time.monotonic() < end:
        found = cloudformation("DescribeStacks").find(".//Stacks/member")
        status = found.findtext("StackStatus")
        if status == "CREATE_COMPLETE":
            outputs = found.iterfind("Outputs/member")
            return {output.findtext("OutputKey"): output.findtext("OutputValue") for output in outputs}
        if status != "CREATE_IN_PROGRESS":
            break
        time.sleep(0.02)
    events = cloudformation("DescribeStackEvents").iterfind(".//StackEvents/member")
    reasons = [
        f"{event.findtext('LogicalResourceId')}: {event.findtext('ResourceStatusReason')}"
        for event in events
        if event.findtext("ResourceStatusReason") and "FAILED" in event.findtext("ResourceStatus", "")
    ]
    sys.exit("\n".join([f"the stack is {status}: {found.findtext('StackStatusReason') or ''}", *reasons]))


def keys(outputs):
    """Enables encryption with the stack's KMS key for resources that the emulator's CloudFormation leaves
    unencrypted."""
    if "RegistryTable" not in outputs:
        return
    key = cloudformation("DescribeStackResource", LogicalResourceId="Key").findtext(".//PhysicalResourceId")
    encrypted = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    json_call("dynamodb", "DynamoDB_20120810.UpdateTable", TableName=outputs["RegistryTable"], SSESpecification=encrypted)
    attribute = {"AttributeName": "KmsMasterKeyId", "AttributeValue": key}
    query("sns", "2010-03-31", "SetTopicAttributes", {"TopicArn": outputs["NotificationTopicArn"], **attribute})
    rule = f"<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>{key}</KMSMasterKeyID>"
    rule = f"<Rule><ApplyServerSideEncryptionByDefault>{rule}</ApplyServerSideEncryptionByDefault></Rule>"
    for bucket in (outputs["StorageBucket"], outputs["DocumentsBucket"]):
        put(f"/{bucket}?encryption", f"<ServerSideEncryptionConfiguration>{rule}</ServerSideEncryptionConfiguration>")


def pdf(text):
    """Returns a one-page PDF with this text."""
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
    """Returns a grey square as PNG."""

    def chunk(kind, content):
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x99" * side) * side)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def documents(outputs):
    """Uploads a sample document for each document that the onboarding input names."""
    for key in settings["documents"] if "DocumentsBucket" in outputs else []:
        body = png() if key.lower().endswith(".png") else pdf("A sample document of Connect Onboarding, of nobody")
        put(f"/{outputs['DocumentsBucket']}/{key}", body)


try:
    outputs = deploy(upload(), {**settings["parameters"], **entra()})
    keys(outputs)
    documents(outputs)
    print(json.dumps(outputs))
except Exception as error:  # the message is for the operator, so there is no traceback
    sys.exit(f"{type(error).__name__}: {error}")
