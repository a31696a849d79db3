"""The constraints of a service model beyond types: required members, enumerations, lengths, ranges and patterns."""
import functools

import regex

# The text that replaces secrets in a record.
MASK = "***"
# Patterns of the models that the regular expression engine cannot compile. Values are not compared with these patterns.
left_out = set()


@functools.cache
def pattern(text):
    """Compiles a pattern of the models. The patterns are written for Java, with `\\p{L}` or `[…&&[…]]`. In some
    patterns, a backslash is escaped twice, so that it would match a literal backslash (`PhoneNumber` of Connect)."""
    if regex.search(r"\\\\[+dpsw]", text):
        text = text.replace("\\\\", "\\")
    try:
        return regex.compile(text, regex.V1)
    except regex.error:
        left_out.add(text)
        return None


def breaches(shape, value, at=""):
    """All violations of the shape's constraints in a value as botocore represents it."""
    if value is None or value == MASK:
        return
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            yield f"{at}: {type(value).__name__} instead of a structure"
            return
        for name in shape.required_members:
            if value.get(name) is None:
                yield f"{at}.{name}: required, but missing"
        if getattr(shape, "is_tagged_union", False) and len([one for one in value.values() if one is not None]) != 1:
            yield f"{at}: a union must have exactly one member"
        for name, item in value.items():
            if name in shape.members:
                yield from breaches(shape.members[name], item, f"{at}.{name}")
    elif kind == "list":
        yield from size(shape, len(value), at, "items")
        for item in value:
            yield from breaches(shape.member, item, f"{at}[]")
    elif kind == "map":
        yield from size(shape, len(value), at, "entries")
        for key, item in value.items():
            yield from breaches(shape.key, key, f"{at}.key")
            yield from breaches(shape.value, item, f"{at}[]")
    elif kind == "string":
        yield from of_text(shape, value, at)
    elif kind in ("integer", "long", "float", "double"):
        yield from size(shape, value, at, "")


def of_text(shape, value, at):
    if not isinstance(value, str):
        # The value is an IAM policy: the model declares it as a string, but botocore has already parsed it as a
        # document.
        return
    if shape.enum and value not in shape.enum:
        yield f"{at}: {value!r} is not one of {', '.join(shape.enum)}"
    yield from size(shape, len(value), at, "characters")
    rule = shape.metadata.get("pattern")
    if rule and (compiled := pattern(rule)) and not compiled.fullmatch(value):
        yield f"{at}: {value[:60]!r} does not match {rule}"


def size(shape, value, at, what):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and value < least) or (most is not None and value > most):
        yield f"{at}: {value} {what}; allowed are {least} to {most}"
