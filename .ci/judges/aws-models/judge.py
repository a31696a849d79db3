"""Independent check of the AWS wire format with botocore, which this project does not use, and the newest service models.

For each recorded call, this program checks that
- the operation exists, its parameters are valid (botocore's validation, and the enumerations, lengths, ranges and patterns of
  the model), and botocore would send the same request for them;
- botocore's parser can read the response, and the response contains only members of the model, all required members, and only
  valid values. An error must be one that the operation can return.

Then this program inserts faults (`FAULTS`) into copies of the calls, and must detect each of these faults.
"""
import copy
import json
import sys
from collections import Counter
from pathlib import Path

import wire
from rules import breaches

# Recorded services that have no AWS model: Microsoft Graph and the login service.
OTHERS = {"graph", "login"}
# Errors that any AWS operation can return ("Common errors" of the API references).
COMMON = {
    "AccessDenied",
    "AccessDeniedException",
    "InternalFailure",
    "RequestExpired",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
    "ValidationError",
    "ValidationException",
}
# Accepted differences, in which the recorded call is right and the model is wrong. Key: service, operation and text of
# the difference. Value: the reason for the exception and its source.
EXCEPTIONS = {}


def about(call):
    """All differences between a call and the models."""
    try:
        service = wire.Service.of(call["service"])
        operation, parameters = service.read_request(call)
    except wire.Unknown as unknown:
        yield f"request: {unknown}"
        return
    # For an S3 call, the record contains the method and the path instead of an operation name.
    if operation.name != call["operation"] and call["service"] != "s3":
        yield f"request: botocore identifies {operation.name}, but the record names {call['operation']}"
    for error in service.validation(operation, parameters):
        yield f"request: {error}"
    if operation.input_shape:
        yield from (f"request: {error}" for error in breaches(operation.input_shape, parameters))
    for difference in service.rewritten(operation, parameters, call):
        yield f"request: botocore sends a different request: {difference}"
    if call["simulated"]:
        return
    if call["status"] < 300:
        answer = service.read_answer(operation, call)
        yield from (f"response: {error}" for error in service.strange(operation, call))
        if operation.output_shape:
            yield from (f"response: {error}" for error in breaches(operation.output_shape, answer))
        return
    code = service.read_answer(operation, call).get("Error", {}).get("Code")
    known = {name for shape in operation.error_shapes for name in (shape.name, shape.error_code)}
    if code not in known | COMMON:
        yield f"response: {operation.name} can't return the error {code}"


def first(calls, service, operation):
    return copy.deepcopy(next(one for one in calls if one["service"] == service and one["operation"] == operation and one["status"] == 200))


def with_body(service, operation, body, change):
    def planted(calls):
        call = first(calls, service, operation)
        changed = change(call[body])
        if isinstance(call[body], str):
            call[body] = changed
        return call

    return planted


def renamed_operation(calls):
    call = first(calls, "servicequotas", "GetServiceQuota")
    call["headers"]["x-amz-target"] += "s"
    return call


def wrong_path(calls):
    call = first(calls, "connect", "DescribeInstance")
    call["path"] = call["path"].replace("/instance/", "/instances/")
    return call


# Faults that this check must detect, one of each kind. Each fault is inserted into a copy of a recorded call.
FAULTS = {
    "an unknown operation": renamed_operation,
    "an unknown path": wrong_path,
    "an unknown parameter": with_body("connect", "CreateUser", "requestBody", lambda body: body.update(UserName="x")),
    "a missing parameter": with_body("connect", "CreateUser", "requestBody", lambda body: body.pop("Username")),
    "a value outside its enumeration": with_body(
        "connect", "CreateUser", "requestBody", lambda body: body.update(PhoneConfig={"PhoneType": "MOBILE"})
    ),
    "a name that is too long": with_body("connect", "CreateUser", "requestBody", lambda body: body.update(Username="x" * 101)),
    "a parameter of the wrong type": with_body("iam", "CreateRole", "requestBody", lambda body: body.update(Role=["x"])),
    "an unknown response member": with_body("connect", "DescribeInstance", "responseBody", lambda body: body["Instance"].update(Name="x")),
    "an unknown response element": with_body(
        "iam", "GetRole", "responseBody", lambda body: body.replace("<Path>", "<Color>x</Color><Path>")
    ),
    "a missing response member": with_body("iam", "GetRole", "responseBody", lambda body: body.replace("RoleId>", "Id>")),
    "an unknown status": with_body(
        "connect", "DescribeInstance", "responseBody", lambda body: body["Instance"].update(InstanceStatus="READY")
    ),
    "a time as text": with_body(
        "connect", "DescribeInstance", "responseBody", lambda body: body["Instance"].update(CreatedTime="2026-11-30T00:00:00Z")
    ),
}


def main():
    lines = (Path(sys.argv[1]) / "calls.jsonl").read_text(encoding="utf-8").splitlines()
    calls = [json.loads(line) for line in lines]
    calls = [call for call in calls if call["service"] not in OTHERS]
    found, excused = Counter(), Counter()
    for call in calls:
        for text in about(call):
            place = (call["service"], call["operation"], text)
            (excused if place in EXCEPTIONS else found)[place] += 1
    for (service, operation, text), times in found.items():
        print(f"DISAGREEMENT ({times} times): {service} {operation}: {text}")
    for place, times in excused.items():
        print(f"excepted ({times} times): {' '.join(place)}: {EXCEPTIONS[place]}")
    missed = [name for name, plant in FAULTS.items() if not set(about(plant(calls))) - {text for *_, text in found}]
    for name in missed:
        print(f"MISSED: {name}")
    for place in set(EXCEPTIONS) - set(excused):
        print(f"UNUSED EXCEPTION: {' '.join(place)}")
    operations = {(call["service"], call["operation"]) for call in calls}
    print(
        f"aws-models: {len(calls)} calls of {len(operations)} operations, {wire.patterns_left_out()} patterns skipped; "
        f"{len(FAULTS) - len(missed)} of {len(FAULTS)} inserted faults detected; {sum(found.values())} disagreements"
    )
    sys.exit(1 if found or missed or not calls or set(EXCEPTIONS) - set(excused) else 0)


main()
