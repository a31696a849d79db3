import unittest

TASK = {"Type": "Task", "Resource": "arn", "End": True}


def faults_of(state, name="S", **more):
    machine = {"QueryLanguage": "JSONata", "StartAt": name, "States": {name: state, **more}}
    return definition_faults(machine)  # noqa: F821, defined in definitions.py


class DefinitionsTest(unittest.TestCase):
    def refused(self, state, fault, **more):
        self.assertIn(f"/States/S{fault}", faults_of(state, **more))

    def test_a_machine_without_a_fault_has_none(self):
        retry = [
            {"ErrorEquals": ["A", "B"], "IntervalSeconds": 1, "MaxDelaySeconds": 2, "BackoffRate": 1.5, "MaxAttempts": 0, "JitterStrategy": "FULL"},
            {"ErrorEquals": ["States.ALL"]},
        ]
        catch = [{"ErrorEquals": ["States.ALL"], "Assign": {"failure": "{% $states.errorOutput %}"}, "Next": "W"}]
        task = {**TASK, "Retry": retry, "Catch": catch, "TimeoutSeconds": 10, "HeartbeatSeconds": 9, "Output": "{% $states.result %}"}
        wait = {"Type": "Wait", "Seconds": "{% $f := function($x){ $x ? 'a??' : 'b' }; /* ?: */ $replace('x', /\\$eval(/, '') %}", "End": True}
        self.assertEqual(faults_of(task, W=wait), [])

    def test_lists_of_retries_that_step_functions_refuses(self):
        for retry, fault in [
            ([{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["A"]}], "0/ErrorEquals: States.ALL must be in the last entry"),
            ([{"ErrorEquals": ["A", "States.ALL"]}], "0/ErrorEquals: States.ALL must be the only name"),
            ([{"ErrorEquals": ["A"]}, {"ErrorEquals": ["B", "A"]}], "1/ErrorEquals: A is listed in an earlier entry"),
            ([{"ErrorEquals": ["States.Runtime"]}], "0/ErrorEquals: States.Runtime can't be retried or caught"),
            ([{"ErrorEquals": []}], "0/ErrorEquals: at least one error name is required"),
            ([{"IntervalSeconds": 1}], "0/ErrorEquals: at least one error name is required"),
            ([{"ErrorEquals": ["A"], "IntervalSeconds": 0}], "0/IntervalSeconds: a whole number, 1 to 99999999"),
            ([{"ErrorEquals": ["A"], "MaxAttempts": 1.5}], "0/MaxAttempts: a whole number, 0 to 99999999"),
            ([{"ErrorEquals": ["A"], "BackoffRate": 0.9}], "0/BackoffRate: a number, 1 or more"),
            ([{"ErrorEquals": ["A"], "JitterStrategy": "HALF"}], "0/JitterStrategy: FULL or NONE"),
            ([{"ErrorEquals": ["A"], "Interval": 5}], "0/Interval: unknown field"),
            ([{"ErrorEquals": ["A"], "IntervalSeconds": 5, "MaxDelaySeconds": 5}], "0/MaxDelaySeconds: a whole number above IntervalSeconds and below 31622400"),
            ([{"ErrorEquals": ["A"], "MaxDelaySeconds": 31622400}], "0/MaxDelaySeconds: a whole number above IntervalSeconds and below 31622400"),
        ]:
            self.refused({**TASK, "Retry": retry}, f"/Retry/{fault}")

    def test_lists_of_catchers_that_step_functions_refuses(self):
        for catch, fault in [
            ([{"ErrorEquals": ["States.ALL"], "Next": "S"}, {"ErrorEquals": ["A"], "Next": "S"}], "/Catch/0/ErrorEquals: States.ALL must be in the last entry"),
            ([{"ErrorEquals": ["A", "States.ALL"], "Next": "S"}], "/Catch/0/ErrorEquals: States.ALL must be the only name"),
            ([{"ErrorEquals": ["A"]}], "/Catch/0: a Next is required"),
            ([{"ErrorEquals": ["A"], "Next": "Nowhere"}], ": Nowhere is not a state in this scope"),
            ([{"ErrorEquals": ["A"], "Next": "S", "ResultPath": "$.e"}], "/Catch/0/ResultPath: a JSONPath field"),
        ]:
            self.refused({**TASK, "Catch": catch}, fault)

    def test_times_that_step_functions_refuses(self):
        self.refused({**TASK, "TimeoutSeconds": 10, "HeartbeatSeconds": 10}, "/HeartbeatSeconds: must be below TimeoutSeconds")
        self.refused({**TASK, "TimeoutSeconds": 0}, "/TimeoutSeconds: a whole number of seconds, 1 to 99999999")
        self.refused({"Type": "Wait", "Seconds": 1, "Timestamp": "t", "End": True}, ": exactly one of Seconds and Timestamp is required")
        self.refused({"Type": "Wait", "Seconds": 0.5, "End": True}, "/Seconds: a whole number of seconds, 0 to 99999999")

    def test_jsonpath_has_no_place_in_a_machine_in_jsonata(self):
        self.refused({**TASK, "QueryLanguage": "JSONPath"}, "/QueryLanguage: a state of a JSONata machine can't use JSONPath")
        self.refused({**TASK, "Parameters": {}}, "/Parameters: a JSONPath field")
        self.refused({**TASK, "OutputPath": "$"}, "/OutputPath: a JSONPath field")
        choice = {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "S"}]}
        self.refused(choice, "/Choices/0/Variable: a JSONPath field")
        self.refused(choice, "/Choices/0: a Condition and a Next are required")
        self.assertEqual(len(definition_faults({"StartAt": "S", "States": {"S": TASK}})), 1)  # noqa: F821

    def test_expressions_of_a_later_jsonata_or_in_the_wrong_place(self):
        for expression, fault in [
            ("{% $a ?? 1 %}", "the operator ?? is newer than JSONata 2.0.6"),
            ("{% $a ?: 1 %}", "the operator ?: is newer than JSONata 2.0.6"),
            ("{% $eval('1') %}", "$eval is not a function of Step Functions (JSONata 2.0.6 without $eval)"),
            ("{% $mapValues($a) %}", "$mapValues is not a function of Step Functions (JSONata 2.0.6 without $eval)"),
            (" {% 1 %}", "an expression must start with {% and end with %}, without other text"),
            ("{% 1", "an expression must start with {% and end with %}, without other text"),
            ("{% $states.errorOutput.Error %}", "$states.errorOutput has no value here"),
        ]:
            self.refused({**TASK, "Output": {"a": [expression]}}, f"/Output/a/0: {fault}")
        self.refused({**TASK, "Arguments": "{% $states.result %}"}, "/Arguments: $states.result has no value here")
        catch = [{"ErrorEquals": ["A"], "Next": "S", "Output": "{% $states.result %}"}]
        self.refused({**TASK, "Catch": catch}, "/Catch/0/Output: $states.result has no value here")

    def test_the_way_through_the_states(self):
        self.refused({**TASK, "Next": "S"}, ": exactly one of Next and End is required")
        self.refused({"Type": "Pass"}, ": exactly one of Next and End is required")
        self.refused({"Type": "Choice", "Choices": []}, "/Choices: at least one is required")
        self.refused({"Type": "Choice", "Choices": [{"Condition": "yes", "Next": "S"}]}, "/Choices/0: a Condition and a Next are required")
        self.refused({"Type": "Jump"}, "/Type: Jump")
        self.assertIn("/States: no state ends the machine", faults_of({"Type": "Pass", "Next": "S"}))
        self.assertIn("/StartAt: not an existing state", definition_faults({"QueryLanguage": "JSONata", "States": {"S": TASK}}))  # noqa: F821
        self.assertIn(f"/States/{'n' * 81}: a name has at most 80 characters", faults_of(TASK, "n" * 81))

    def test_scopes_of_names_and_variables(self):
        inner = {"StartAt": "S", "States": {"S": {"Type": "Pass", "Assign": {"a": 1}, "End": True}}}
        parallel = {"Type": "Parallel", "Branches": [inner], "Assign": {"a": 2}, "End": True}
        found = faults_of(parallel, "P")
        self.assertIn("/States/P/Branches/0/States: $a is assigned in an outer scope; an inner scope can't assign it", found)
        self.refused({**parallel, "Assign": {}}, "/Branches/0/States/S: another state has the same name")
        self.refused({"Type": "Parallel", "Branches": [], "End": True}, "/Branches: at least one is required")
        self.refused({"Type": "Pass", "Assign": {"states": 1}, "End": True}, "/Assign: states is not a valid variable name")


unittest.main(argv=["definitions_test"])
