"""Parses recorded calls with botocore's service models. Requests are parsed by this module, which verifies the result
with botocore's serializer. Responses are parsed by botocore's own parsers."""
import base64
import datetime
import functools
import json
import re
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections import Counter

import botocore.parsers
import botocore.serialize
import botocore.session
import botocore.validate
import rules
from botocore.awsrequest import HeadersDict
from botocore.exceptions import UnknownServiceError
from botocore.model import ServiceModel

# The service names of a record for which botocore has another name, each with botocore's name.
NAMES = {"servicequotas": "service-quotas", "states": "stepfunctions"}
LOADER = botocore.session.get_session().get_component("data_loader")
NUMBERS = {"integer": int, "long": int, "float": float, "double": float}
JSON_TYPES = {
    "structure": dict,
    "list": list,
    "map": dict,
    "string": str,
    "character": str,
    "blob": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
}


class Unknown(Exception):
    """A name that the models do not define."""


def patterns_left_out():
    return len(rules.left_out)


def text_of(value):
    """The single value of a query parameter or form field, which the record stores as a list."""
    return value[0] if isinstance(value, list) else value


class Service:
    @staticmethod
    @functools.cache
    def of(name):
        return Service(NAMES.get(name, name))

    def __init__(self, name):
        try:
            self.model = ServiceModel(LOADER.load_service_model(name, "service-2"), name)
        except UnknownServiceError:
            raise Unknown(f"no service {name}") from None
        offered = self.model.metadata.get("protocols") or [self.model.metadata["protocol"]]
        # A service can support several protocols. Each recorded call uses one of these protocols, which are text-based.
        self.protocol = next(one for one in ("json", "rest-json", "query", "ec2", "rest-xml") if one in offered)
        self.parser = botocore.parsers.create_parser(self.protocol)

    # ---- requests

    def read_request(self, call):
        """The operation that a recorded request calls, and the parameters of that operation."""
        if self.protocol == "json":
            prefix, _, name = call["headers"].get("x-amz-target", "").rpartition(".")
            if prefix != self.model.metadata["targetPrefix"]:
                raise Unknown(f"the target prefix {prefix}")
            operation = self.operation(name)
            return operation, self.from_json(operation.input_shape, call["requestBody"] or {})
        if self.protocol == "query":
            form = {name: text_of(value) for name, value in (call["requestBody"] or {}).items()}
            operation = self.operation(form.pop("Action", None))
            version = form.pop("Version", None)
            if version != self.model.api_version:
                raise Unknown(f"the version {version}")
            return operation, self.from_form(operation.input_shape, form, "")
        return self.from_route(call)

    def operation(self, name):
        if name not in self.model.operation_names:
            raise Unknown(f"no operation {name}")
        return self.model.operation_model(name)

    def from_route(self, call):
        """REST: the operation with the most specific matching route, and its parameters from path, query, headers and body."""
        hits = []
        for name in self.model.operation_names:
            operation = self.model.operation_model(name)
            path, _, fixed = operation.http["requestUri"].partition("?")
            parts = re.split(r"\{([^}]+)\}", path)
            rule = "".join(re.escape(part) if number % 2 == 0 else "(.+)" if part.endswith("+") else "([^/]+)" for number, part in enumerate(parts))
            fixed = dict(urllib.parse.parse_qsl(fixed, keep_blank_values=True))
            match = re.fullmatch(rule, call["path"])
            if not match or operation.http["method"] != call["method"] or not self.has_headers(operation.input_shape, call):
                continue
            if all(text_of(call["query"].get(key)) == value for key, value in fixed.items()):
                labels = [part.rstrip("+") for part in parts[1::2]]
                hits.append((sum(map(len, parts[::2])), operation, dict(zip(labels, match.groups())), fixed))
        if not hits:
            raise Unknown(f"no operation {call['method']} {call['path']}")
        _, operation, labels, fixed = max(hits, key=lambda hit: hit[0])
        found = {name: urllib.parse.unquote(value) for name, value in labels.items()}
        query = {name: value for name, value in call["query"].items() if name not in fixed}
        return operation, self.from_places(operation.input_shape, found, query, call)

    def has_headers(self, shape, call):
        """Whether all required headers are present. Only this check distinguishes CopyObject from PutObject, whose
        routes are equal."""
        members = {name: shape.members[name].serialization for name in shape.required_members} if shape else {}
        wanted = [one["name"].lower() for one in members.values() if one.get("location") == "header"]
        return all(name in call["headers"] for name in wanted)

    def from_places(self, shape, labels, query, call):
        # For an S3 object, the record contains only the length of the content, not the content itself.
        content = shape and shape.serialization.get("payload")
        parameters, body, query = {}, {} if content else dict(call["requestBody"] or {}), dict(query)
        if content and call["requestBody"]:
            parameters[content] = b""
        members = shape.members if shape else {}
        for name, member in members.items():
            place, wire = member.serialization.get("location"), member.serialization.get("name", name)
            if place == "uri":
                parameters[name] = self.scalar(member, labels[wire])
            elif place == "querystring" and wire in query:
                value = query.pop(wire)
                parameters[name] = value if member.type_name == "list" else self.scalar(member, text_of(value))
            elif place == "header" and wire.lower() in call["headers"]:
                parameters[name] = self.scalar(member, call["headers"][wire.lower()])
            elif place is None and wire in body:
                parameters[name] = self.from_json(member, body.pop(wire))
        # Members that the model does not define are kept, so that botocore's validation reports them.
        return {**parameters, **query, **body}

    def from_json(self, shape, value):
        """A JSON value with the member names of the model instead of those in the request."""
        if shape is None or value == rules.MASK or value is None:
            return value
        if shape.type_name == "structure" and isinstance(value, dict):
            names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
            read = lambda key, item: self.from_json(shape.members[names[key]], item) if key in names else item  # noqa: E731
            return {names.get(key, key): read(key, item) for key, item in value.items()}
        if shape.type_name == "list" and isinstance(value, list):
            return [self.from_json(shape.member, item) for item in value]
        if shape.type_name == "map" and isinstance(value, dict):
            return {key: self.from_json(shape.value, item) for key, item in value.items()}
        if shape.type_name == "blob":
            return base64.b64decode(value, validate=True)
        return value

    def from_form(self, shape, form, prefix):
        """Reads a form of the query protocol: `Tags.member.1.Key=…`."""
        if shape is None:
            return {}
        if shape.type_name == "structure":
            found, names = {}, set()
            for name, member in shape.members.items():
                wire = prefix + member.serialization.get("name", name)
                below = {key for key in form if key == wire or key.startswith(wire + ".")}
                if below:
                    found[name] = self.from_form(member, {key: form[key] for key in below}, wire + ".")
                    names |= below
            rest = {key.removeprefix(prefix): form[key] for key in form if key not in names}
            return {**found, **rest}
        if shape.type_name == "list":
            start = prefix if shape.serialization.get("flattened") else f"{prefix}{shape.member.serialization.get('name', 'member')}."
            numbers = sorted({int(key.removeprefix(start).split(".")[0]) for key in form if key.startswith(start)})
            items = [{key: value for key, value in form.items() if key.startswith(f"{start}{n}.") or key == f"{start}{n}"} for n in numbers]
            return [self.from_form(shape.member, item, f"{start}{n}.") for n, item in zip(numbers, items)]
        if shape.type_name == "map":
            start = prefix if shape.serialization.get("flattened") else f"{prefix}entry."
            numbers = sorted({int(key.removeprefix(start).split(".")[0]) for key in form if key.startswith(start)})
            value = lambda n: {key: text for key, text in form.items() if key.startswith(f"{start}{n}.value")}  # noqa: E731
            return {form[f"{start}{n}.key"]: self.from_form(shape.value, value(n), f"{start}{n}.value.") for n in numbers}
        [text] = form.values()
        return self.scalar(shape, text)

    @staticmethod
    def scalar(shape, text):
        try:
            if shape.type_name in NUMBERS:
                return NUMBERS[shape.type_name](text)
        except ValueError:
            return text
        if shape.type_name == "boolean":
            return {"true": True, "false": False}.get(text, text)
        return text

    def validation(self, operation, parameters):
        """The errors that botocore's validation reports."""
        if operation.input_shape is None:
            return [f"parameters for an operation without parameters: {sorted(parameters)}"] if parameters else []
        report = botocore.validate.ParamValidator().validate(parameters, operation.input_shape)
        return report.generate_report().splitlines() if report.has_errors() else []

    def rewritten(self, operation, parameters, call):
        """The differences between the recorded request and the request that botocore creates from the parameters."""
        serializer = botocore.serialize.create_serializer(self.protocol, include_validation=False)
        try:
            made = serializer.serialize_to_request(parameters, operation)
        except Exception as error:  # noqa: BLE001 - botocore raises many types of errors
            yield f"{type(error).__name__}: {error}"
            return
        path, _, query = made["url_path"].partition("?")
        query = {**dict(urllib.parse.parse_qsl(query, keep_blank_values=True)), **(made["query_string"] or {})}
        plain = lambda values: {name: [str(one).lower() if isinstance(one, bool) else str(one) for one in (value if isinstance(value, list) else [value])] for name, value in values.items()}  # noqa: E731
        if urllib.parse.unquote(path) != urllib.parse.unquote(call["path"]):
            yield f"path {path}"
        if plain(query) != plain(call["query"]):
            yield f"query {plain(query)}"
        if self.protocol == "query":
            body, recorded = plain(made["body"]), plain(call["requestBody"])
        else:
            recorded = call["requestBody"] or {}
            body = json.loads(made["body"] or "{}") if isinstance(recorded, dict) else None
        if isinstance(recorded, dict):
            parts = sorted(name for name in {*body, *recorded} if not same(body.get(name), recorded.get(name)))
            if parts:
                yield f"body, in {', '.join(parts)}"

    # ---- responses

    def read_answer(self, operation, call):
        """The response as botocore's parser reads it."""
        body = call["responseBody"]
        text = "" if body is None or operation.has_streaming_output else body if isinstance(body, str) else json.dumps(body)
        headers = HeadersDict(call["responseHeaders"])
        response = {"status_code": call["status"], "headers": headers, "body": text.encode()}
        parsed = self.parser.parse(response, operation.output_shape)
        metadata = parsed.pop("ResponseMetadata", {})
        if call["status"] < 300 and not metadata.get("RequestId"):
            raise Unknown("a response without a request id")
        return parsed

    def strange(self, operation, call):
        """All elements of a response body that the model does not define, or defines with another type."""
        shape, body = operation.output_shape, call["responseBody"]
        if operation.has_streaming_output or (self.protocol == "rest-xml" and body is None):
            return
        if self.protocol in ("query", "rest-xml"):
            root = ElementTree.fromstring(body)
            parts = {child.tag.rpartition("}")[2]: child for child in root}
            wrapper = (shape.serialization.get("resultWrapper") if shape else None) or operation.output_shape and f"{operation.name}Result"
            if set(parts) - {wrapper, "ResponseMetadata"}:
                yield f"unexpected elements {sorted(set(parts) - {wrapper, 'ResponseMetadata'})}"
            if wrapper in parts:
                yield from self.strange_xml(shape, parts[wrapper], "")
        elif shape is None or not shape.members:
            if body not in (None, {}, ""):
                yield f"an unexpected body: {json.dumps(body)[:60]}"
        else:
            members = {name: one for name, one in shape.members.items() if "location" not in one.serialization}
            payload = shape.serialization.get("payload")
            yield from self.strange_json(shape.members[payload] if payload else shape, body or {}, "", None if payload else members)

    def strange_json(self, shape, value, at, members=None):
        if value is None or value == rules.MASK:
            return
        kind = shape.type_name
        if kind == "timestamp":
            form = shape.serialization.get("timestampFormat") or shape.metadata.get("timestampFormat") or "unixTimestamp"
            if not fits_format(form, value):
                yield f"{at}: the time format must be {form}, but the value is {value!r}"
        elif not isinstance(value, JSON_TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
            yield f"{at}: {type(value).__name__} instead of a {kind}"
        elif kind == "structure":
            names = {one.serialization.get("name", name): one for name, one in (members or shape.members).items()}
            for key, item in value.items():
                if key in names:
                    yield from self.strange_json(names[key], item, f"{at}.{key}")
                else:
                    yield f"{at}.{key}: not in the model"
        elif kind == "list":
            for item in value:
                yield from self.strange_json(shape.member, item, f"{at}[]")
        elif kind == "map":
            for item in value.values():
                yield from self.strange_json(shape.value, item, f"{at}[]")

    def strange_xml(self, shape, element, at):
        children = [(child.tag.rpartition("}")[2], child) for child in element]
        kind = shape.type_name
        if kind == "structure":
            names = {one.serialization.get("name", name): one for name, one in shape.members.items()}
            for tag, times in Counter(tag for tag, _ in children).items():
                if times > 1 and not names.get(tag, shape).serialization.get("flattened"):
                    yield f"{at}.{tag}: {times} times"
            for tag, child in children:
                if tag in names:
                    yield from self.strange_xml(names[tag], child, f"{at}.{tag}")
                else:
                    yield f"{at}.{tag}: not in the model"
        elif kind == "list":
            name = shape.member.serialization.get("name", "member")
            for tag, child in children:
                if tag != name:
                    yield f"{at}.{tag}: items must have the name {name}"
                yield from self.strange_xml(shape.member, child, f"{at}[]")
        elif kind == "map":
            for _, entry in children:
                yield from self.strange_xml(shape.value, entry[1], f"{at}[]")
        elif children:
            yield f"{at}: elements instead of a {kind}"
        elif kind == "timestamp" and not fits_format("iso8601", element.text or ""):
            yield f"{at}: {element.text!r} is not an ISO 8601 time"
        elif kind in NUMBERS and not re.fullmatch(r"-?\d+(\.\d+)?", element.text or ""):
            yield f"{at}: {element.text!r} is not a number"
        elif kind == "boolean" and element.text not in ("true", "false"):
            yield f"{at}: {element.text!r} is neither true nor false"


def same(made, recorded):
    """Whether both values are equal. A value that the record masks is equal to any value except None."""
    if recorded == rules.MASK:
        return made is not None
    if isinstance(made, dict) and isinstance(recorded, dict):
        return made.keys() == recorded.keys() and all(same(made[name], recorded[name]) for name in made)
    if isinstance(made, list) and isinstance(recorded, list):
        return len(made) == len(recorded) and all(map(same, made, recorded))
    return made == recorded


def fits_format(form, value):
    if form == "unixTimestamp":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if form == "iso8601":
        try:
            return datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).tzinfo is not None
        except (AttributeError, ValueError):
            return False
    return bool(re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", str(value)))
