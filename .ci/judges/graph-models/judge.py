"""Independent check of Microsoft Graph calls with msgraph-sdk 1.65.0, which this project does not use. The request
builders and models of the SDK are generated from the published description of Graph.

For each recorded call, this program checks that the SDK defines the path, method and query options, and that the SDK's
models define every member of the request and the response with the right type. Then this program inserts faults
(`FAULTS`), and must detect each of these faults.
"""
import asyncio
import copy
import dataclasses
import importlib
import inspect
import json
import re
import sys
from collections import Counter
from enum import Enum
from pathlib import Path

from kiota_abstractions.authentication import AnonymousAuthenticationProvider
from kiota_abstractions.serialization import Parsable
from kiota_http.httpx_request_adapter import HttpxRequestAdapter
from kiota_serialization_json.json_parse_node import JsonParseNode
from msgraph.graph_service_client import GraphServiceClient

# Members that are not part of the SDK's models. OData adds such members to every object (OData JSON format 4.01,
# "Control information"), and Graph adds such members to the entries of a delta query.
CONTROL = re.compile(r"@odata\.\w+|\w+@odata\.\w+|@removed|members@delta|@microsoft\.graph\.\w+")
# Accepted differences by operation and text: the recorded call is right and the SDK is wrong. The value states the
# reason and its source.
EXCEPTIONS = {}


class Asked(Exception):
    """Raised instead of sending a request. Contains the model of the expected response, or None if no body is expected."""


class Adapter(HttpxRequestAdapter):
    async def send_async(self, request_info, parsable_factory, error_map):
        raise Asked(parsable_factory)

    async def send_no_response_content_async(self, request_info, error_map):
        raise Asked(None)

    async def send_primitive_async(self, request_info, response_type, error_map):
        raise Asked(None)


CLIENT = GraphServiceClient(request_adapter=Adapter(AnonymousAuthenticationProvider()))


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def builder_of(path):
    """The SDK's request builder for a path. Segments that are not names of properties are IDs."""
    builder = CLIENT
    for segment in path.removeprefix("/v1.0/").split("/"):
        name = {"$ref": "ref", "$count": "count", "microsoft.graph.user": "graph_user", "graph.user": "graph_user"}.get(segment, snake(segment))
        if name.startswith("graph."):
            name = name.replace(".", "_")
        if name not in ("get", "post", "patch", "delete") and hasattr(type(builder), name):
            builder = getattr(builder, name)
            continue
        by_id = [one for one in dir(type(builder)) if re.fullmatch(r"by_\w+_id", one)]
        if not by_id:
            raise LookupError(f"no segment {segment} in {path}")
        builder = getattr(builder, by_id[0])(segment)
    return builder


def strange(value, raw, at=""):
    """The members and values of the JSON text that are missing from the parsed model."""
    if isinstance(value, Parsable):
        fields = {name for kind in type(value).__mro__ if dataclasses.is_dataclass(kind) for name in kind.__dataclass_fields__}
        for name, item in raw.items():
            if CONTROL.fullmatch(name):
                continue
            known = next((field for field in fields if field.replace("_", "").lower() == name.replace("_", "").lower()), None)
            if known is None:
                yield f"{at}.{name}: not in the model of {type(value).__name__}"
                continue
            read = getattr(value, known)
            if item is not None and read is None:
                yield f"{at}.{name}: the SDK can't read {json.dumps(item)[:60]}"
            elif item is not None and item != "***":
                yield from strange(read, item, f"{at}.{name}")
    elif isinstance(raw, list):
        if not isinstance(value, list) or len(value) != len(raw):
            yield f"{at}: the SDK reads {type(value).__name__} from a list of {len(raw)}"
            return
        for one, item in zip(value, raw):
            if item is not None and one is None:
                yield f"{at}[]: the SDK can't read {json.dumps(item)[:60]}"
            elif item is not None:
                yield from strange(one, item, f"{at}[]")
    elif isinstance(raw, dict):
        yield f"{at}: the SDK reads {type(value).__name__} from an object"
    elif isinstance(raw, (bool, int, float, str)) and isinstance(value, bool) != isinstance(raw, bool) and not isinstance(value, Enum):
        yield f"{at}: {json.dumps(raw)[:60]}, but the SDK reads {type(value).__name__}"


def differences(raw, model):
    """The differences between a JSON value and the SDK's parsed model."""
    try:
        value = JsonParseNode(raw).get_object_value(model)
    except Exception as error:  # noqa: BLE001 - the SDK raises many types of errors
        return [f"the SDK can't read it as {model.__name__}: {error}"]
    return list(strange(value, raw))


def about(call):
    method = call["method"].lower()
    try:
        builder = builder_of(call["path"])
    except LookupError as error:
        yield f"request: {error}"
        return
    send = getattr(builder, method, None)
    if send is None:
        yield f"request: the SDK has no {call['method']} for {type(builder).__name__}"
        return
    options = getattr(type(builder), f"{type(builder).__name__}{method.title()}QueryParameters", None)
    known = {"$" + field.name for field in dataclasses.fields(options)} if options else set()
    for name in call["query"]:
        # Query parameters with tokens are allowed, because they are part of links that Graph itself has returned.
        if name not in known and name not in ("$skiptoken", "$deltatoken"):
            yield f"request: {type(builder).__name__} has no option {name}"
    annotation = inspect.signature(send).parameters.get("body")
    body = call["requestBody"]
    if annotation is not None and isinstance(body, dict):
        module = inspect.getmodule(type(builder))
        model = re.sub(r"Optional\[|\]", "", str(annotation.annotation))
        kind = find_model(module, model)
        yield from (f"request: {error}" for error in differences(body, kind))
    elif (annotation is None) != (body is None) and method != "delete":
        yield f"request: {'no body is' if annotation is None else 'a body is'} expected"
    if call["simulated"] or call["status"] >= 300 or call["responseBody"] in (None, ""):
        return
    try:
        asyncio.run(send(body=kind()) if annotation is not None else send())
    except Asked as asked:
        model = asked.args[0]
    if model is None:
        yield "response: a body, but the SDK expects none"
    else:
        yield from (f"response: {error}" for error in differences(call["responseBody"], model))


def find_model(module, name):
    """The class of a request body, which a request builder imports only for type checking."""
    source = inspect.getsource(module)
    place = re.search(rf"from (\.[\w.]+) import {re.escape(name)}\b", source)
    return getattr(importlib.import_module(place[1], module.__package__), name)


def planted(calls, test, change):
    call = copy.deepcopy(next((one for one in calls if test(one)), None))
    if call is None:
        sys.exit("FAILED: the recorded run has no call into which this fault can be inserted")
    change(call)
    return call


FAULTS = {
    "an unknown path": (lambda call: "/members" in call["path"], lambda call: call.update(path=call["path"] + "s")),
    "an unknown option": (lambda call: call["path"] == "/v1.0/servicePrincipals", lambda call: call["query"].update({"$where": ["x"]})),
    "an unknown request member": (
        lambda call: call["method"] == "POST" and call["path"] == "/v1.0/subscriptions",
        lambda call: call["requestBody"].update(colour="blue"),
    ),
    "an unknown response member": (
        lambda call: re.fullmatch(r"/v1.0/servicePrincipals/[^/]+", call["path"]) and call["method"] == "GET" and call["status"] == 200,
        lambda call: call["responseBody"].update(colour="blue"),
    ),
    "a text instead of a list": (
        lambda call: re.fullmatch(r"/v1.0/servicePrincipals/[^/]+", call["path"]) and call["method"] == "GET" and call["status"] == 200,
        lambda call: call["responseBody"].update(replyUrls="https://example.com"),
    ),
}


def main():
    files = [Path(sys.argv[1]) / "calls.jsonl"]
    calls = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    calls = [call for call in calls if call["service"] == "graph"]
    found, excused = Counter(), Counter()
    for call in calls:
        for text in about(call):
            place = (call["operation"], text)
            (excused if place in EXCEPTIONS else found)[place] += 1
    for (operation, text), times in found.items():
        print(f"DISAGREEMENT ({times} times): {operation}: {text}")
    for place, times in excused.items():
        print(f"excepted ({times} times): {' '.join(place)}: {EXCEPTIONS[place]}")
    missed = [name for name, (test, change) in FAULTS.items() if not set(about(planted(calls, test, change))) - {text for _, text in found}]
    for name in missed:
        print(f"MISSED: {name}")
    print(
        f"graph-models: {len(calls)} calls of {len({call['operation'] for call in calls})} operations; "
        f"{len(FAULTS) - len(missed)} of {len(FAULTS)} inserted faults detected; {sum(found.values())} disagreements"
    )
    sys.exit(1 if found or missed or not calls else 0)


main()
