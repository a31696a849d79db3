#!/usr/bin/env bash
# moto accepts a SAML provider and a Connect alias whose names are already taken.
#
# version:  moto 5.2.5, boto3 1.43.106 (PyPI)
# expected: the API references list the error EntityAlreadyExists for CreateSAMLProvider, and DuplicateResourceException
#           for CreateInstance. moto returns these errors, as it does for a role whose name is taken.
# seen:     the second CreateSAMLProvider replaces the metadata of the first provider. The second CreateInstance creates
#           an instance with the same alias and the same URL. DeleteSAMLProvider succeeds for a provider that does not
#           exist, while DeleteRole returns NoSuchEntity in this case.
# matters:  a program must adopt the existing resource or report the conflict. With moto, the test of a program that does
#           neither passes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check moto==5.2.5 boto3==1.43.106
env -i PATH="$PATH" "$work/venv/bin/python" - >"$work/seen" 2>"$work/log" <<'PYTHON'
import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

ARN = "arn:aws:iam::123456789012:saml-provider/Entra"


def metadata(name):
    return f'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{name}"><!--{"x" * 1000}--></EntityDescriptor>'


def call(name, operation, **parameters):
    try:
        operation(**parameters)
        print(f"{name}: accepted")
    except ClientError as error:
        print(f"{name}: {error.response['Error']['Code']}")


@mock_aws
def main():
    iam, connect = (boto3.client(name, "us-east-1", aws_access_key_id="x", aws_secret_access_key="x") for name in ("iam", "connect"))
    for count in ("first", "second"):
        call(f"{count} role", iam.create_role, RoleName="Agent", AssumeRolePolicyDocument="{}")
        call(f"{count} SAML provider", iam.create_saml_provider, Name="Entra", SAMLMetadataDocument=metadata(count))
        call(f"{count} instance", connect.create_instance, InstanceAlias="example", IdentityManagementType="SAML",
             InboundCallsEnabled=True, OutboundCallsEnabled=True)
    document = iam.get_saml_provider(SAMLProviderArn=ARN)["SAMLMetadataDocument"]
    print("metadata of the provider:", "second" if 'entityID="second"' in document else "first")
    print("instances:", *(instance["InstanceAccessUrl"] for instance in connect.list_instances()["InstanceSummaryList"]))
    call("deletion of a missing role", iam.delete_role, RoleName="Missing")
    call("deletion of a missing SAML provider", iam.delete_saml_provider, SAMLProviderArn=f"{ARN}-missing")


main()
PYTHON
diff - "$work/seen" <<'SEEN'
first role: accepted
first SAML provider: accepted
first instance: accepted
second role: EntityAlreadyExists
second SAML provider: accepted
second instance: accepted
metadata of the provider: second
instances: https://example.my.connect.aws https://example.my.connect.aws
deletion of a missing role: NoSuchEntity
deletion of a missing SAML provider: accepted
SEEN
cat "$work/seen"
