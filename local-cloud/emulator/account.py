"""Makes the emulator as strict as an AWS account.

Adds the checks that AWS makes during deployments and before the delivery of events, and that the emulator lacks. AWS
checks whether names are already in use, account limits, the permissions of the roles that services assume, and the
resource policies of queues, functions and function URLs."""
import contextvars
import importlib
import json
import os
import re
import sys

PUBLIC = "/aws/service/global-infrastructure/"  # prefix of the public parameters of Systems Manager
# The Regions of Amazon Connect (AWS General Reference, "Amazon Connect endpoints and quotas"). The other services of
# the template are available in every Region.
CONNECT_REGIONS = {
    "af-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
    "eu-central-1", "eu-west-2", "us-east-1", "us-west-2",
}
SERVICES = {"connect", "dynamodb", "events", "kms", "lambda", "scheduler", "secretsmanager", "sns", "sqs", "stepfunctions"}
QUOTA = 1000  # limit of concurrent Lambda executions, except in a new account
# A valid schedule expression (EventBridge Scheduler user guide, "Schedule types"). The guide shows rates only with
# plural units. The API reference also shows singular units. So this pattern accepts the singular for 1 and the plural
# for all other values. A cron expression has six fields, and exactly one of the two day fields must be a question mark.
SCHEDULE = re.compile(
    r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)"
    r"|cron\(\S+ \S+ ((?!\?)\S+ \S+ \?|\? \S+ (?!\?)\S+) \S+\)"
    r"|at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)"
)


def _tell(text):
    """Writes a line to the emulator's log, the only place where dropped events are recorded."""
    print(f"local cloud: {text}", file=sys.stderr, flush=True)


class Permissions:
    """Evaluates the policies of roles and of resources with the emulator's own policy evaluator."""

    def __init__(self, patches):
        self.evaluator, self.kms, self.iam, self.sqs = (
            importlib.import_module(f"ministack.{name}")
            for name in ("core.iam_evaluator", "services.kms", "services.iam", "services.sqs")
        )
        patches.needs(self.evaluator, "EvalContext", "evaluate", "evaluate_resource_policy", "_gather_role_policies", "_permissions_boundary")
        patches.needs(self.kms, "_resolve_key")
        patches.needs(self.iam, "_roles", "_policies")
        patches.needs(self.sqs, "_queue_by_arn")

    def _question(self, principal, kind, account, action, resource, keys):
        region = resource.split(":")[3] if resource.startswith("arn:") else ""
        return self.evaluator.EvalContext(principal, kind, account, action, resource, region, service_context=keys)

    def role_may(self, role, action, resource, **keys):
        account, name = role.split(":")[4], role.rsplit("/", 1)[-1]
        question = self._question(role, "AssumedRole", account, action, resource, {key.lower(): value for key, value in keys.items()})
        policies = self.evaluator._gather_role_policies(name, account)
        limits = self.evaluator._permissions_boundary(self.iam._roles, name, account)
        return self.evaluator.evaluate(question, policies, *limits).decision == "Allow"

    def service_may(self, policy, service, action, resource, **keys):
        question = self._question("*", "Service", "", action, resource, keys)
        return self.evaluator.evaluate_resource_policy(policy or {}, question, service=service).decision == "Allow"

    def anybody_may(self, policy, action, resource, **keys):
        question = self._question("*", "Anonymous", "", action, resource, keys)
        return self.evaluator.evaluate_resource_policy(policy or {}, question).decision == "Allow"

    def _customer_key(self, queue):
        name = queue["attributes"].get("KmsMasterKeyId") or ""
        return None if not name or "alias/aws/" in name else self.kms._resolve_key(name)

    def role_may_not_send(self, role, queue_arn):
        """Returns why a role may not send messages to a queue, or None if the role may."""
        if not self.role_may(role, "sqs:SendMessage", queue_arn):
            return f"{role} is not authorized to perform sqs:SendMessage on {queue_arn}"
        queue = self.sqs._queue_by_arn(queue_arn)
        key = queue and self._customer_key(queue)
        via = {"kms:ViaService": f"sqs.{queue_arn.split(':')[3]}.amazonaws.com"}
        for action in ("kms:GenerateDataKey", "kms:Decrypt") if key else ():
            if not self.role_may(role, action, key["Arn"], **via):
                return f"{role} is not authorized to perform {action} on {key['Arn']}, the key of {queue_arn}"
        return None

    def rule_may_not_send(self, rule_arn, queue_arn):
        """Returns why an EventBridge rule may not send messages to a queue, or None if the rule may."""
        queue = self.sqs._queue_by_arn(queue_arn)
        if queue is None:
            return f"queue {queue_arn} does not exist"
        keys = {"aws:sourcearn": rule_arn, "aws:sourceaccount": queue_arn.split(":")[4]}
        if not self.service_may(queue["attributes"].get("Policy"), "events.amazonaws.com", "sqs:SendMessage", queue_arn, **keys):
            return f"the policy of {queue_arn} does not allow the request"
        key = self._customer_key(queue)
        for action in ("kms:GenerateDataKey", "kms:Decrypt") if key else ():
            if not self.service_may(key.get("Policy"), "events.amazonaws.com", action, key["Arn"]):
                return f"the policy of the key {key['Arn']} does not allow {action}"
        return None


def refuse_what_an_account_refuses_at_deployment(patches, permissions):
    """Rejects deployments that AWS would reject. The emulator's CloudFormation overwrites existing resources, ignores
    reserved concurrency, and does not check the roles that resources use."""
    stacks, provisioners, lambda_svc, scheduler, sfn, ssm = (
        importlib.import_module(f"ministack.services.{name}")
        for name in ("cloudformation.stacks", "cloudformation.provisioners", "lambda_svc", "scheduler", "stepfunctions", "ssm")
    )
    naming = contextvars.ContextVar("naming", default=None)
    patches.needs(lambda_svc, "_functions", "_delete_function_concurrency", "error_response_json", "json_response")
    patches.needs(scheduler, "_schedules")
    patches.needs(sfn, "_state_machines")
    patches.needs(ssm, "error_response_json", "json_response")

    @patches.replace(provisioners, "_physical_name")
    def without_the_stacks_name(physical_name, stack_name, logical_id, *rest, **named):
        """Generates state machine names without the stack's name, as CloudFormation does. All other names that
        CloudFormation generates for the template contain the stack's name."""
        name = physical_name(stack_name, logical_id, *rest, **named)
        return f"{logical_id}-{name[-12:]}" if naming.get() == "AWS::StepFunctions::StateMachine" else name

    def taken(kind, properties):
        """Returns why AWS rejects a resource's name, or None if AWS accepts it. Names of IAM resources are compared
        without regard to case."""
        if kind == "AWS::Scheduler::Schedule" and properties.get("Name"):
            key = f"{properties.get('GroupName', 'default')}/{properties['Name']}"
            return f"Schedule {key} already exists." if key in scheduler._schedules else None
        if kind == "AWS::IAM::Role" and properties.get("RoleName"):
            name = properties["RoleName"]
            if len(name) > 64:
                return f"1 validation error detected: Value '{name}' at 'roleName' failed to satisfy constraint: Member must have length less than or equal to 64"
            same = any(other.lower() == name.lower() for other in permissions.iam._roles)
            return f"Role with name {name} already exists." if same else None
        if kind == "AWS::IAM::ManagedPolicy" and properties.get("ManagedPolicyName"):
            name = properties["ManagedPolicyName"]
            same = any(arn.rsplit("/", 1)[-1].lower() == name.lower() for arn in permissions.iam._policies if ":aws:policy/" not in arn)
            return f"A policy called {name} already exists." if same else None
        return None

    def reserve(name, properties):
        wanted = properties.get("ReservedConcurrentExecutions")
        if wanted is None:
            lambda_svc._delete_function_concurrency(name)
            return
        status, _, body = lambda_svc._put_function_concurrency(name, {"ReservedConcurrentExecutions": int(wanted)})
        if status >= 400:
            raise ValueError(json.loads(body)["message"])

    def check_destination(properties):
        destination = ((properties.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", "")
        if ":sqs:" not in destination:
            return
        name = properties["FunctionName"].rsplit(":", 1)[-1]
        role = lambda_svc._functions[name]["config"]["Role"]
        if not permissions.role_may(role, "sqs:SendMessage", destination):
            raise ValueError(f"The function's execution role does not have permissions to call SendMessage on {destination}")

    def check_batches(properties):
        """Checks the limits of batches from a queue (Lambda API reference, "CreateEventSourceMapping", and developer
        guide, "Lambda parameters for Amazon SQS event source mappings"; the first error message is quoted in
        aws/chalice#1778)."""
        most, window = (int(properties.get(name) or default) for name, default in (("BatchSize", 10), ("MaximumBatchingWindowInSeconds", 0)))
        is_fifo = properties["EventSourceArn"].endswith(".fifo")
        if is_fifo and window:
            raise ValueError("Batching window is not supported for FIFO queues.")
        if most > 10 and not is_fifo and not window:
            raise ValueError("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
        if most > (10 if is_fifo else 10_000) or window > 300:
            raise ValueError(f"BatchSize {most} or MaximumBatchingWindowInSeconds {window} is above its maximum.")

    def check_source(properties):
        if ":sqs:" not in properties.get("EventSourceArn", ""):
            return
        check_batches(properties)
        role = lambda_svc._functions[properties["FunctionName"].rsplit(":", 1)[-1]]["config"]["Role"]
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
            if not permissions.role_may(role, f"sqs:{action}", properties["EventSourceArn"]):
                raise ValueError(f"The function execution role does not have permissions to call {action} on SQS")

    def check_machine(arn, properties):
        machine = sfn._state_machines[arn]
        account, region = arn.split(":")[4], arn.split(":")[3]
        rule = f"arn:aws:events:{region}:{account}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
        asks = []
        if (properties.get("LoggingConfiguration") or {}).get("Level", "OFF") != "OFF":
            asks += [(f"logs:{action}", "*") for action in ("CreateLogDelivery", "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups")]
        if ":states:startExecution.sync" in machine["definition"]:
            asks += [(f"events:{action}", rule) for action in ("PutTargets", "PutRule", "DescribeRule")]
        for action, resource in asks:
            if not permissions.role_may(machine["roleArn"], action, resource):
                sfn._state_machines.pop(arn)
                raise ValueError(f"The role {machine['roleArn']} is not authorized to perform {action} on {resource}")

    @patches.replace(stacks, "_provision_resource")
    def provision(create, kind, logical_id, properties, stack_name):
        refusal = taken(kind, properties)
        if refusal:
            raise ValueError(refusal)
        if kind == "AWS::Lambda::EventInvokeConfig":
            check_destination(properties)
        if kind == "AWS::Lambda::EventSourceMapping":
            check_source(properties)
        if kind == "AWS::Scheduler::Schedule" and not SCHEDULE.fullmatch(properties["ScheduleExpression"]):
            raise ValueError(f"Invalid Schedule Expression {properties['ScheduleExpression']}.")
        mark = naming.set(kind)
        try:
            physical_id, attributes = create(kind, logical_id, properties, stack_name)
        finally:
            naming.reset(mark)
        if kind == "AWS::Lambda::Function":
            reserve(physical_id, properties)
        if kind == "AWS::StepFunctions::StateMachine":
            check_machine(physical_id, properties)
        return physical_id, attributes

    @patches.replace(stacks, "_update_resource")
    def update(change, kind, physical_id, old, new, *rest, **named):
        if kind == "AWS::Lambda::EventSourceMapping":
            check_source(new)
        mark = naming.set(kind)
        try:
            result = change(kind, physical_id, old, new, *rest, **named)
        finally:
            naming.reset(mark)
        if kind == "AWS::Lambda::Function":
            reserve(result[0], new)
        return result

    @patches.replace(lambda_svc, "_put_function_concurrency")
    def within_the_accounts_limit(put, name, data):
        limit = int(os.environ.get("LAMBDA_ACCOUNT_CONCURRENCY") or QUOTA)
        others = sum(function.get("concurrency") or 0 for other, function in lambda_svc._functions.items() if other != name)
        least = min(100, limit)
        if limit - others - int(data.get("ReservedConcurrentExecutions", 0)) < least:
            return lambda_svc.error_response_json(
                "InvalidParameterValueException",
                "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
                f"minimum value of [{least}].",
                400,
            )
        return put(name, data)

    @patches.replace(lambda_svc, "_get_account_settings")
    def with_the_limit_of_the_account(get):
        """Returns the concurrency limit of the emulated account. The unchanged emulator derives its limit from the
        memory of this machine."""
        answer = json.loads(get()[2])
        limit = int(os.environ.get("LAMBDA_ACCOUNT_CONCURRENCY") or QUOTA)
        reserved = sum(function.get("concurrency") or 0 for function in lambda_svc._functions.values())
        answer["AccountLimit"].update(ConcurrentExecutions=limit, UnreservedConcurrentExecutions=limit - reserved)
        return lambda_svc.json_response(answer)

    @patches.replace(ssm, "_get_parameters")
    def with_public_parameters(get, data):
        """Also returns the public Systems Manager parameters that show which services AWS offers, either in a given
        Region or anywhere."""
        names = data.get("Names", [])
        if len(names) > 10:
            return ssm.error_response_json("ValidationException", "Member must have length less than or equal to 10", 400)
        public = [name for name in names if name.startswith(PUBLIC)]
        answer = json.loads(get({**data, "Names": [name for name in names if name not in public]})[2])
        for name in public:
            place, _, service = name.removeprefix(PUBLIC).rpartition("services/")
            region = place.removeprefix("regions/").rstrip("/")
            if service in SERVICES and (not region or service != "connect" or region in CONNECT_REGIONS):
                answer["Parameters"].append({"Name": name, "Type": "String", "Value": service, "Version": 1})
            else:
                answer["InvalidParameters"].append(name)
        return ssm.json_response(answer)

    @patches.replace(ssm, "_put_parameter")
    def by_its_pattern(put, data):
        pattern, value = data.get("AllowedPattern"), data.get("Value", "")
        if pattern and not re.search(pattern, value):
            message = f"Parameter value, {value}, failed to satisfy AllowedPattern: {pattern}."
            return ssm.error_response_json("ParameterPatternMismatchException", message, 400)
        return put(data)


def deliver_events_only_where_they_are_allowed(patches, permissions):
    """Checks permissions before events are delivered.

    EventBridge sends events as a service principal, so the target's resource policy must allow the delivery.
    EventBridge Scheduler and Lambda assume a role, so the role's policies must allow the delivery. If a delivery is not
    allowed, the event is sent to the target's dead-letter queue. If the delivery to this queue is not allowed either,
    the event is lost."""
    eventbridge, lambda_svc = (importlib.import_module(f"ministack.services.{name}") for name in ("eventbridge", "lambda_svc"))
    patches.needs(lambda_svc, "_functions", "_get_func_record_for_ref", "_get_func_record_for_ref_in_scope", "_execution_record_for_config")
    patches.needs(lambda_svc, "invoke_async_with_retry", "resolve_function_url")

    def refusal(target, source):
        arn, role = target.get("Arn", ""), target.get("RoleArn")
        if ":scheduler:" in source["Arn"]:
            action = {"lambda": "lambda:InvokeFunction", "states": "states:StartExecution"}.get(arn.split(":")[2])
            if action and not permissions.role_may(role, action, arn):
                return f"{role} is not authorized to perform {action} on {arn}"
        elif ":sqs:" in arn:
            return permissions.rule_may_not_send(source["Arn"], arn)
        elif ":lambda:" in arn:
            function = lambda_svc._get_func_record_for_ref(arn)[0]
            keys = {"aws:sourcearn": source["Arn"], "aws:sourceaccount": arn.split(":")[4]}
            if function and not permissions.service_may(function["policy"], "events.amazonaws.com", "lambda:InvokeFunction", arn, **keys):
                return f"the policy of {arn} does not allow the request"
        return None

    @patches.replace(eventbridge, "_invoke_target")
    def by_permission(invoke_target, target, event, source, view=None):
        why = refusal(target, source)
        if why is None:
            return invoke_target(target, event, source, view)
        _tell(f"{source['Arn']} can't deliver to {target['Arn']}: {why}")
        letters = (target.get("DeadLetterConfig") or {}).get("Arn")
        if letters and refusal({"Arn": letters}, source) is None:
            return invoke_target({"Arn": letters}, event, source, view)
        return None

    @patches.replace(eventbridge, "_dispatch_to_lambda")
    def asynchronously(_, arn, payload):
        """Invokes a function through Lambda's queue for asynchronous invocations, with retries and the destination for
        failed events."""
        function, config, name = lambda_svc._get_func_record_for_ref(arn)
        if function is None or config is None:
            return _tell(f"function {name} does not exist; its event is dropped")
        return lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), json.loads(payload))

    @patches.replace(lambda_svc, "_route_async_failure")
    def in_the_functions_role(route, destination, name, event, result):
        role = lambda_svc._functions[name]["config"]["Role"]
        why = permissions.role_may_not_send(role, destination) if ":sqs:" in destination else None
        if why is None:
            return route(destination, name, event, result)
        return _tell(f"a failed event of {name} is dropped: {why}")

    @patches.replace(lambda_svc, "handle_function_url_request")
    async def by_the_functions_policy(handle, url_id, *rest, **named):
        """Checks the two permissions that a function URL without authentication needs since October 2025: to call the
        URL, and to invoke the function through the URL (Lambda developer guide, "Control access to Lambda function
        URLs")."""
        found = lambda_svc.resolve_function_url(url_id)
        if found is not None and found[4].get("AuthType") == "NONE":
            account, region, name = found[:3]
            function = lambda_svc._get_func_record_for_ref_in_scope(name, account_id=account, region=region)[0]
            arn = function["config"]["FunctionArn"]
            asks = [
                ("lambda:InvokeFunctionUrl", {"lambda:functionurlauthtype": "NONE"}),
                ("lambda:InvokeFunction", {"lambda:invokedviafunctionurl": "true"}),
            ]
            for action, keys in asks:
                if not permissions.anybody_may(function["policy"], action, arn, **keys):
                    _tell(f"the policy of {arn} does not allow anonymous calls of {action}")
                    return 403, {"Content-Type": "application/json", "x-amzn-ErrorType": "AccessDeniedException"}, b'{"Message":"Forbidden"}'
        return await handle(url_id, *rest, **named)


def refuse_change_sets_of_failed_stacks(patches):
    """Rejects a change set for a stack whose first deployment was rolled back, because such a stack can only be
    deleted (CloudFormation user guide, "Stack status codes"; the error message is quoted in
    aws-samples/amazon-chime-private-bot-demo#3)."""
    changesets, handlers, helpers = (
        importlib.import_module(f"ministack.services.cloudformation.{name}") for name in ("changesets", "handlers", "helpers")
    )
    patches.needs(handlers, "_resolve_stack")
    patches.needs(helpers, "_error", "_p")

    @patches.replace(changesets, "_resolve_template")
    def template(resolve, params):
        stack = handlers._resolve_stack(helpers._p(params, "StackName"))
        if stack and stack.get("StackStatus") == "ROLLBACK_COMPLETE":
            message = f"Stack:{stack['StackId']} is in ROLLBACK_COMPLETE state and can not be updated."
            return None, helpers._error("ValidationError", message)
        return resolve(params)


def be_as_strict_as_an_account(patches):
    permissions = Permissions(patches)
    refuse_what_an_account_refuses_at_deployment(patches, permissions)
    deliver_events_only_where_they_are_allowed(patches, permissions)
    refuse_change_sets_of_failed_stacks(patches)


