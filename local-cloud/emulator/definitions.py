"""Finds the errors for which Step Functions rejects the definition of a JSONata state machine.

Has no side effects: the input is a definition, and the output is a list of errors. Sources of the rules: the
specification of the Amazon States Language (states-language.net) and the Step Functions developer guide ("Handling
errors in workflows", "Transforming data with JSONata", "Passing data between states with variables")."""
import re

MAX_SECONDS = 99_999_999
# The functions that an expression can call: those of JSONata 2.0.6 (the version that Step Functions documents) except
# $eval, and the six functions that Step Functions adds.
FUNCTIONS = set(
    "string length substring substringBefore substringAfter uppercase lowercase trim pad contains split join match replace "
    "base64encode base64decode encodeUrlComponent encodeUrl decodeUrlComponent decodeUrl number abs floor ceil round power sqrt "
    "random formatNumber formatBase formatInteger parseInteger sum max min average boolean not exists count append sort reverse "
    "shuffle distinct zip keys lookup spread merge sift each error assert type map filter single reduce now millis fromMillis toMillis "
    "partition range hash uuid parse".split()
)
OF_JSONPATH = {
    "InputPath", "OutputPath", "Parameters", "ResultPath", "ResultSelector", "ItemsPath", "SecondsPath", "TimestampPath", "TimeoutSecondsPath",
    "HeartbeatSecondsPath", "ErrorPath", "CausePath", "MaxConcurrencyPath", "ToleratedFailureCountPath", "ToleratedFailurePercentagePath", "Variable",
}  # fmt: skip
ANY = {"Type", "Comment", "QueryLanguage"}
FLOW = ANY | {"Next", "End", "Output", "Assign"}
CAUGHT = FLOW | {"Retry", "Catch"}
FIELDS = {
    "Task": CAUGHT | {"Resource", "Arguments", "TimeoutSeconds", "HeartbeatSeconds", "Credentials"},
    "Parallel": CAUGHT | {"Branches", "Arguments"},
    "Map": CAUGHT | {"Items", "ItemSelector", "ItemProcessor", "MaxConcurrency"},
    "Pass": FLOW,
    "Wait": FLOW | {"Seconds", "Timestamp"},
    "Choice": ANY | {"Choices", "Default", "Output", "Assign"},
    "Succeed": ANY | {"Output"},
    "Fail": ANY | {"Error", "Cause"},
}
OF_RETRY = {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy", "Comment"}
OF_CATCH = {"ErrorEquals", "Next", "Output", "Assign", "Comment"}
OF_CHOICE = {"Condition", "Next", "Output", "Assign", "Comment"}
# The parts of an expression that are not code: strings, quoted names, and regular expressions. A slash
# starts a regular expression if no value precedes it; otherwise it divides.
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
NO_CODE = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|(?<=[(,=:?&~>])\s*/(?:\\.|[^/\\])+/[im]*""", re.DOTALL)


def whole(value, least, most):
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_expression(value):
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}")


def definition_faults(definition):
    """Returns all errors in a definition, each with its path. For a state machine that uses JSONPath, returns a single
    error, because the local cloud does not support JSONPath."""
    if not isinstance(definition, dict) or definition.get("QueryLanguage") != "JSONata":
        return ["/QueryLanguage: the local cloud supports only JSONata state machines"]
    faults, names = [], {}
    _machine(definition, "", set(), names, faults)
    faults += [f"{places[1]}: another state has the same name" for places in names.values() if len(places) > 1]
    return faults


def _machine(machine, path, outer, names, faults):
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        faults.append(f"{path}/States: at least one state is required")
        return
    if machine.get("StartAt") not in states:
        faults.append(f"{path}/StartAt: not an existing state")
    own = {name for state in states.values() for name in _assigned(state)}
    faults += [f"{path}/States: ${name} is assigned in an outer scope; an inner scope can't assign it" for name in sorted(own & outer)]
    if not any(state.get("End") or state.get("Type") in ("Succeed", "Fail") for state in states.values()):
        faults.append(f"{path}/States: no state ends the machine")
    for name, state in states.items():
        place = f"{path}/States/{name}"
        names.setdefault(name, []).append(place)
        if len(name) > 80:
            faults.append(f"{place}: a name has at most 80 characters")
        _state(state, place, states, faults)
        inner = state.get("Branches") if state.get("Type") == "Parallel" else [state.get("ItemProcessor")] if state.get("Type") == "Map" else []
        if inner == [] and state.get("Type") == "Parallel":
            faults.append(f"{place}/Branches: at least one is required")
        for number, branch in enumerate(inner or []):
            _machine(branch or {}, f"{place}/{'Branches' if state['Type'] == 'Parallel' else 'ItemProcessor'}/{number}", outer | own, names, faults)


def _assigned(state):
    places = [state, *state.get("Catch", []), *state.get("Choices", [])]
    return {name for place in places if isinstance(place.get("Assign"), dict) for name in place["Assign"]}


def _state(state, place, states, faults):
    kind = state.get("Type")
    if kind not in FIELDS:
        faults.append(f"{place}/Type: {kind}")
        return
    _fields(state, FIELDS[kind], place, faults)
    if state.get("QueryLanguage", "JSONata") != "JSONata":
        faults.append(f"{place}/QueryLanguage: a state of a JSONata machine can't use JSONPath")
    if "Next" in FIELDS[kind] and ("Next" in state) + (state.get("End") is True) != 1:
        faults.append(f"{place}: exactly one of Next and End is required")
    targets = [("Next", state), ("Default", state), *(("Next", way) for way in [*state.get("Catch", []), *state.get("Choices", [])])]
    faults += [f"{place}: {way[field]} is not a state in this scope" for field, way in targets if field in way and way[field] not in states]
    _times(state, kind, place, faults)
    if kind == "Choice" and not state.get("Choices"):
        faults.append(f"{place}/Choices: at least one is required")
    for number, rule in enumerate(state.get("Choices", [])):
        _fields(rule, OF_CHOICE, f"{place}/Choices/{number}", faults)
        if "Next" not in rule or not (is_expression(rule.get("Condition")) or isinstance(rule.get("Condition"), bool)):
            faults.append(f"{place}/Choices/{number}: a Condition and a Next are required")
    _handlers(state.get("Retry", []), OF_RETRY, f"{place}/Retry", faults)
    _handlers(state.get("Catch", []), OF_CATCH, f"{place}/Catch", faults)
    for number, retrier in enumerate(state.get("Retry", [])):
        _retrier(retrier, f"{place}/Retry/{number}", faults)
    for number, catcher in enumerate(state.get("Catch", [])):
        if "Next" not in catcher:
            faults.append(f"{place}/Catch/{number}: a Next is required")
    for field in state.keys() - {"Branches", "ItemProcessor"}:
        result = kind in ("Task", "Parallel", "Map") and field in ("Output", "Assign")
        _expressions(state[field], f"{place}/{field}", result, field == "Catch", faults)
    for name in _assigned(state):
        if name == "states" or len(name) > 80 or not name.isidentifier():
            faults.append(f"{place}/Assign: {name} is not a valid variable name")


def _fields(value, known, place, faults):
    for field in value:
        if field in OF_JSONPATH or field.endswith(".$"):
            faults.append(f"{place}/{field}: a JSONPath field")
        elif field not in known:
            faults.append(f"{place}/{field}: unknown field")


def _times(state, kind, place, faults):
    for field in ("TimeoutSeconds", "HeartbeatSeconds"):
        if field in state and not (is_expression(state[field]) or whole(state[field], 1, MAX_SECONDS)):
            faults.append(f"{place}/{field}: a whole number of seconds, 1 to {MAX_SECONDS}")
    both = [state.get("HeartbeatSeconds"), state.get("TimeoutSeconds", MAX_SECONDS)]
    if all(whole(value, 1, MAX_SECONDS) for value in both) and both[0] >= both[1]:
        faults.append(f"{place}/HeartbeatSeconds: must be below TimeoutSeconds")
    if kind == "Wait":
        if ("Seconds" in state) + ("Timestamp" in state) != 1:
            faults.append(f"{place}: exactly one of Seconds and Timestamp is required")
        elif "Seconds" in state and not (is_expression(state["Seconds"]) or whole(state["Seconds"], 0, MAX_SECONDS)):
            faults.append(f"{place}/Seconds: a whole number of seconds, 0 to {MAX_SECONDS}")


def _handlers(handlers, known, place, faults):
    seen = set()
    for number, handler in enumerate(handlers):
        _fields(handler, known, f"{place}/{number}", faults)
        errors = handler.get("ErrorEquals")
        if not isinstance(errors, list) or not errors or not all(isinstance(error, str) for error in errors):
            faults.append(f"{place}/{number}/ErrorEquals: at least one error name is required")
            continue
        if "States.ALL" in errors and len(errors) > 1:
            faults.append(f"{place}/{number}/ErrorEquals: States.ALL must be the only name")
        if "States.ALL" in errors and number + 1 < len(handlers):
            faults.append(f"{place}/{number}/ErrorEquals: States.ALL must be in the last entry")
        if "States.Runtime" in errors:
            faults.append(f"{place}/{number}/ErrorEquals: States.Runtime can't be retried or caught")
        for error in errors:
            if error in seen:
                faults.append(f"{place}/{number}/ErrorEquals: {error} is listed in an earlier entry")
            seen.add(error)


def _retrier(retrier, place, faults):
    interval = retrier.get("IntervalSeconds", 1)
    if not whole(interval, 1, MAX_SECONDS):
        faults.append(f"{place}/IntervalSeconds: a whole number, 1 to {MAX_SECONDS}")
    if not whole(retrier.get("MaxAttempts", 3), 0, MAX_SECONDS):
        faults.append(f"{place}/MaxAttempts: a whole number, 0 to {MAX_SECONDS}")
    rate = retrier.get("BackoffRate", 2.0)
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or rate < 1:
        faults.append(f"{place}/BackoffRate: a number, 1 or more")
    delay = retrier.get("MaxDelaySeconds")
    if delay is not None and not (whole(delay, 1, 31_622_399) and (not whole(interval, 1, MAX_SECONDS) or delay > interval)):
        faults.append(f"{place}/MaxDelaySeconds: a whole number above IntervalSeconds and below 31622400")
    if retrier.get("JitterStrategy", "NONE") not in ("FULL", "NONE"):
        faults.append(f"{place}/JitterStrategy: FULL or NONE")


def _expressions(value, place, result, error, faults):
    """Checks all expressions below a path. `result` and `error` state whether $states.result and $states.errorOutput
    exist at this path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _expressions(inner, f"{place}/{key}", result, error, faults)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _expressions(inner, f"{place}/{number}", result, error, faults)
    elif isinstance(value, str) and ("{%" in value or "%}" in value):
        if not is_expression(value):
            faults.append(f"{place}: an expression must start with {{% and end with %}}, without other text")
        else:
            _expression(value[2:-2], place, result, error, faults)


def _expression(text, place, result, error, faults):
    code = NO_CODE.sub(" 0 ", COMMENT.sub(" ", text))
    for operator in ("??", "?:"):
        if operator in code:
            faults.append(f"{place}: the operator {operator} is newer than JSONata 2.0.6")
    bound = set(re.findall(r"\$(\w+)\s*:=", code)) | {name for lists in re.findall(r"(?:function|λ)\s*\(([^)]*)\)", code) for name in re.findall(r"\$(\w+)", lists)}
    for called in re.findall(r"\$(\w+)\s*\(", code):
        if called not in FUNCTIONS and called not in bound:
            faults.append(f"{place}: ${called} is not a function of Step Functions (JSONata 2.0.6 without $eval)")
    if not result and re.search(r"\$states\s*\.\s*result\b", code):
        faults.append(f"{place}: $states.result has no value here")
    if not error and re.search(r"\$states\s*\.\s*errorOutput\b", code):
        faults.append(f"{place}: $states.errorOutput has no value here")


