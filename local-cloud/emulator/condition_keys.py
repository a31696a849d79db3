"""Adds two DynamoDB condition keys that the emulator lacks, so that policies with these keys can be evaluated."""
import importlib
import json
import re

# The top-level names in an expression of DynamoDB, without functions, values and the names after a dot.
ATTRIBUTE = re.compile(r"(?<![\w.:#])#?[A-Za-z_]\w*(?![\w(])")
KEYWORDS = {"SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "BETWEEN", "IN"}


def leading_keys(body):
    """Returns the value of the partition key of each item that a request names, for the condition key
    dynamodb:LeadingKeys (DynamoDB developer guide, "Using IAM policy conditions for fine-grained access control").

    The result is empty if the request names no item (Scan), if the primary key of the table has two attributes, or if
    the request does not show which attribute is the key (PutItem)."""
    request = json.loads(body or b"{}")
    batches = (request.get("RequestItems") or {}).values()
    keys = [request.get("Key") or {}, *(key for batch in batches if isinstance(batch, dict) for key in batch.get("Keys", []))]
    return [value for key in keys if len(key) == 1 for typed in key.values() for value in typed.values()]


def updated_attributes(body):
    """Returns the attributes that an update names in its expressions and in its primary key. In AWS, the condition key
    dynamodb:Attributes contains these attributes (DynamoDB developer guide, as above). In the unchanged emulator, the
    key contains only the attributes of a projection expression."""
    request = json.loads(body or b"{}")
    names = request.get("ExpressionAttributeNames") or {}
    words = [word for part in ("UpdateExpression", "ConditionExpression") for word in ATTRIBUTE.findall(request.get(part) or "")]
    named = {names.get(word, word) for word in words if word.upper() not in KEYWORDS}
    return sorted({*named, *request["Key"]}) if named else []


def add_leading_keys(patches):
    actions = importlib.import_module("ministack.core.iam_actions")

    @patches.replace(actions, "dynamodb_service_context")
    def with_leading_keys(context, body):
        keys = leading_keys(body)
        return {**context(body), **({"dynamodb:LeadingKeys": keys} if keys else {})}


def add_updated_attributes(patches):
    actions = importlib.import_module("ministack.core.iam_actions")

    @patches.replace(actions, "dynamodb_service_context")
    def with_updated_attributes(context, body):
        attributes = updated_attributes(body)
        return {**context(body), **({"dynamodb:Attributes": attributes} if attributes else {})}
