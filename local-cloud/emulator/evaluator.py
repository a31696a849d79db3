"""Evaluates JSONata as the reference implementation does (2.0.6, the version that Step Functions documents).

Corrects the results of the Python port of JSONata that the emulator uses. `.ci/judges/expressions` compares both
implementations for every expression of the state machines."""
import decimal
import json
import math


def number_text(value):
    """Formats a number as JSONata does: as JavaScript prints it after rounding to 15 digits."""
    sign, digits, exponent = decimal.Decimal(f"{value:.15g}").normalize().as_tuple()
    text, point = "".join(map(str, digits)), len(digits) + exponent  # 0.<text> times ten to the power of `point`
    if text == "0":
        return "0"
    if not -6 < point <= 21:
        power = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
        text = f"{text[0]}.{text[1:]}{power}" if len(text) > 1 else f"{text}{power}"
    elif point <= 0:
        text = f"0.{'0' * -point}{text}"
    elif point >= len(text):
        text += "0" * (point - len(text))
    else:
        text = f"{text[:point]}.{text[point:]}"
    return f"-{text}" if sign else text


def evaluate_as_the_reference_does(patches, sfn):
    from jsonata import functions, jexception, jsonata, signature, utils

    null = utils.Utils.NULL_VALUE

    def is_number(value):
        return isinstance(value, (int, float)) and not isinstance(value, bool)

    def json_text(value, indent, depth=1):
        if value is None or value is null:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if is_number(value):
            if not math.isfinite(value):
                raise jexception.JException("D1001", -1, value)
            return number_text(value)
        if isinstance(value, dict):
            colon = ": " if indent else ":"
            items = [f"{json.dumps(name, ensure_ascii=False)}{colon}{json_text(item, indent, depth + 1)}" for name, item in value.items()]
        elif isinstance(value, list):
            items = [json_text(item, indent, depth + 1) for item in value]
        else:
            return json.dumps(value if isinstance(value, str) else "", ensure_ascii=False)  # functions become ""
        first, last = "{}" if isinstance(value, dict) else "[]"
        if not items or not indent:
            return f"{first}{','.join(items)}{last}"
        line = "\n" + "  " * depth
        return f"{first}{line}{f',{line}'.join(items)}{line[:-2]}{last}"

    @patches.replace(functions.Functions, "_string")
    def string(_, arg, prettify):
        """Formats values inside arrays and objects correctly: the Python port prints the number 20 as 20.0 and escapes
        non-ASCII characters."""
        if is_number(arg) and not math.isfinite(arg):
            raise jexception.JException("D3001", -1, arg)
        return "" if isinstance(arg, (jsonata.Jsonata.JFunction, jsonata.parser.Parser.Symbol)) else json_text(arg, prettify)

    @patches.replace(signature.Signature, "get_symbol")
    def symbol(get_symbol, checked, value):
        """Recognizes null as an argument. The Python port mistakes null for a missing argument."""
        return "l" if value is null else get_symbol(checked, value)

    @patches.replace(jsonata.Jsonata, "evaluate_includes_expression")
    def includes(_, evaluator, left, right):
        """Evaluates the operator `in`. Values of different types are never equal (1 is not true). An object is in a
        list only if the list contains this object itself. Another object with the same content is not sufficient."""
        if left is None or right is None:
            return False

        def same(item):
            if is_number(left) and is_number(item) or isinstance(left, str) and isinstance(item, str):
                return left == item
            return (null if item is None else item) is left

        return any(same(item) for item in (right if isinstance(right, list) else [right]))

    def with_nulls(value):
        if isinstance(value, dict):
            return {name: with_nulls(item) for name, item in value.items()}
        if isinstance(value, list):
            return [with_nulls(item) for item in value]
        return null if value is None else value

    @patches.replace(jsonata.Jsonata, "evaluate")
    def evaluate(run, evaluator, given, bindings=None):
        """Keeps null items of arrays, and removes the variables from the context object.

        The Python port loses null items, because it uses None for both null and a missing value. The emulator puts the
        variables into the context object, but Step Functions does not."""
        known = dict(bindings or {})
        if "states" in known:
            context = {name: value for name, value in known["states"]["context"].items() if name != "variables"}
            known["states"] = {**known["states"], "context": context}
        return run(evaluator, given, {name: with_nulls(value) for name, value in known.items()})


