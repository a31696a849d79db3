"""Creates a Connect user for each member of an Entra group who has no Connect user yet, as a short script would.

The script uses only boto3 and the standard library, and sends one request after the other, with the SDK's retries.
`cargo bench --bench user_sync` compares the product with this script. The script only creates users and has none of the
safety features of a sync.

    create_users.py INSTANCE_ID GROUP_ID
"""
import json
import os
import sys
import urllib.parse
import urllib.request

import boto3
from botocore.exceptions import ClientError

instance_id, group_id = sys.argv[1:]
connect = boto3.client("connect")


def graph_token():
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["GRAPH_CREDENTIAL_SECRET"])
    credential = json.loads(secret["SecretString"])
    form = urllib.parse.urlencode({
        "grant_type": "client_credentials",
        "client_id": credential["clientId"],
        "client_secret": credential["clientSecret"],
        "scope": "https://graph.microsoft.com/.default",
    })
    url = f"{os.environ['LOGIN_URL']}/{credential['tenantId']}/oauth2/v2.0/token"
    with urllib.request.urlopen(url, form.encode()) as answer:
        return json.load(answer)["access_token"]


def group_members():
    headers = {"Authorization": f"Bearer {graph_token()}"}
    fields = "id,userPrincipalName,givenName,surname"
    url = f"{os.environ['GRAPH_URL']}/v1.0/groups/{group_id}/members?$top=999&$select={fields}"
    while url:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            page = json.load(answer)
        yield from page["value"]
        url = page.get("@odata.nextLink")


def items(operation, key):
    for page in connect.get_paginator(operation).paginate(InstanceId=instance_id):
        yield from page[key]


def peak_kb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def main():
    security = {profile["Name"]: profile["Id"] for profile in items("list_security_profiles", "SecurityProfileSummaryList")}
    routing = {profile["Name"]: profile["Id"] for profile in items("list_routing_profiles", "RoutingProfileSummaryList")}
    existing = {user["Username"] for user in items("search_users", "Users")}
    created = failed = 0
    for member in group_members():
        if member["userPrincipalName"] in existing:
            continue
        try:
            connect.create_user(
                InstanceId=instance_id,
                Username=member["userPrincipalName"],
                IdentityInfo={"FirstName": member["givenName"], "LastName": member["surname"]},
                PhoneConfig={"PhoneType": "SOFT_PHONE"},
                SecurityProfileIds=[security["Agent"]],
                RoutingProfileId=routing["Basic Routing Profile"],
                Tags={"entra-object-id": member["id"]},
            )
            created += 1
        except ClientError as error:
            print(f"{member['userPrincipalName']}: {error}", file=sys.stderr)
            failed += 1
    print(json.dumps({"created": created, "failed": failed, "peakKb": peak_kb()}))


main()
