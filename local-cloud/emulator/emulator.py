"""Starts the emulator. When the parent program exits, the emulator exits too and removes the run's directory."""
import asyncio
import contextvars
import http.client
import importlib.metadata
import json
import os
import resource
import shutil
import signal
import socketserver
import sys
import threading
import time
import urllib.parse


def end_with_parent():
    sys.stdin.buffer.read()  # returns when the parent exits, because this closes the parent's end of the pipe
    shutil.rmtree(os.getcwd(), ignore_errors=True)  # the run's directory; the parent can no longer remove it
    os.killpg(0, signal.SIGKILL)


def take_listener():
    """Returns the socket that the parent opened for the emulator and passed as standard output."""
    listener = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return listener


threading.Thread(target=end_with_parent, daemon=True).start()
LISTENER = take_listener()
import hypercorn.asyncio  # noqa: E402
import hypercorn.config  # noqa: E402
from ministack import app  # noqa: E402
from ministack.core import lambda_runtime, responses  # noqa: E402
from ministack.core.concurrency import esm_wake  # noqa: E402
from ministack.services import cloudwatch_logs, eventbridge, lambda_svc, scheduler, sqs, stepfunctions as sfn  # noqa: E402
from ministack.services.cloudformation import provisioners  # noqa: E402

patches = Patches(f"ministack {importlib.metadata.version('ministack')}")  # noqa: F821, defined in patches.py


def gather_batches_as_lambda_does():
    """Gathers messages of a queue into batches.

    The emulator invokes a function immediately with at most ten messages. Lambda gathers messages until BatchSize
    messages are available or MaximumBatchingWindowInSeconds has passed. This window has its real length, even if the
    clock scale makes the rest of the local cloud faster."""
    first_seen = {}
    patches.needs(lambda_svc, "_iter_all_esms")
    patches.needs(sqs, "_queues_lock", "_get_q", "_expire_retained", "_dlq_sweep", "_collect_msgs")

    def window(queue):
        arn = queue["attributes"].get("QueueArn")
        windows = [m.get("MaximumBatchingWindowInSeconds") for _, _, m in lambda_svc._iter_all_esms() if m.get("EventSourceArn") == arn]
        return max((seconds or 0 for seconds in windows), default=0)

    @patches.replace(sqs, "_receive_messages_for_esm")
    def receive(_, queue_url, most):
        with sqs._queues_lock:
            queue = sqs._get_q(queue_url)
            sqs._expire_retained(queue)
            sqs._dlq_sweep(queue)
            now = time.time()
            ready = sum(1 for message in queue["messages"] if message.get("visible_at", 0) <= now)
            if not ready:
                first_seen.pop(queue_url, None)
                return []
            left = first_seen.setdefault(queue_url, now) + window(queue) - now
            if left > 0 and ready < most:
                threading.Timer(left, esm_wake.set).start()
                return []
            first_seen.pop(queue_url)
            return sqs._collect_msgs(queue, most, int(queue["attributes"].get("VisibilityTimeout", "30")))


def name_the_log_format_as_lambda_does():
    """Sets the two environment variables in which Lambda passes LoggingConfig to a function, because the emulator does
    not set them."""

    @patches.replace(lambda_svc, "_provided_worker_env")
    def with_log_format(environment, config, *rest):
        logging = config.get("LoggingConfig") or {}
        return {
            **environment(config, *rest),
            "AWS_LAMBDA_LOG_FORMAT": logging.get("LogFormat", "Text"),
            "AWS_LAMBDA_LOG_LEVEL": logging.get("ApplicationLogLevel", ""),
        }


def send_what_states_do_themselves_through_the_stand_in():
    """Sends the service calls of states through the stand-in.

    The emulator processes calls that a state makes without a function (DynamoDB, other executions) internally, where
    they are not recorded and faults can't be injected. This replacement sends them as HTTP requests to the stand-in,
    with the state's name in a header."""
    patience = 8  # seconds; Step Functions would use the TimeoutSeconds of the state that makes the call
    door = urllib.parse.urlparse(os.environ["AWS_ENDPOINT_URL_DYNAMODB"])
    state = contextvars.ContextVar("state", default=None)
    patches.needs(lambda_svc, "_get_func_record_for_ref")
    patches.needs(sfn, "_ExecutionError", "_executions", "get_region")

    @patches.replace(sfn, "_execute_task")
    def in_the_states_name(execute_task, definition, raw_input, execution, ctx):
        token = state.set(f"{ctx['StateMachine']['Name']}/{ctx['State']['Name']}")
        try:
            return execute_task(definition, raw_input, execution, ctx)
        finally:
            state.reset(token)

    def post(path, body, headers, timeout=patience):
        connection = http.client.HTTPConnection(door.hostname, door.port, timeout=timeout)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    @patches.replace(sfn, "_call_lambda")
    def function_of_the_state(call_lambda, function, event):
        """Tells the stand-in for which state a function runs, so that the function's calls can be attributed to the
        state. If a fault rule applies to the invocation, the stand-in returns how the invocation must fail."""
        name = lambda_svc._get_func_record_for_ref(function)[2]

        def working(**more):
            # The timeout is long because this internal call must not make the execution fail on a busy machine.
            return json.loads(post("/_admin/working", json.dumps({"function": name, "state": state.get(), **more}), {}, 120)[1])

        fails = working().get("fails")
        try:
            result = call_lambda(function, event) if not fails or fails["ran"] else None
            if fails:
                cause = fails.get("cause") or f"a fault rule of the local cloud fails the call of {name}"
                raise sfn._ExecutionError(fails["error"], cause)
            return result
        finally:
            working(done=True)

    def send(service, target, body, name):
        scope = f"Credential=test/20260101/{sfn.get_region()}/{service}/aws4_request"
        headers = {
            "authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": target,
            "x-local-cloud-state": state.get(),
        }
        try:
            status, text = post("/", body, headers)
            return status, json.loads(text) if text else {}
        except TimeoutError:
            raise sfn._ExecutionError("States.Timeout", f"{target} took longer than {patience} seconds") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise sfn._ExecutionError(f"{name}.SdkClientException", f"{target}: {error!r}") from None

    @patches.replace(sfn, "_invoke_dynamodb")
    def dynamodb(_, operation, item):
        status, result = send("dynamodb", f"DynamoDB_20120810.{operation[0].upper()}{operation[1:]}", json.dumps(item), "DynamoDB")
        if status >= 400:
            name = result.get("__type", "").rsplit("#", 1)[-1].rsplit(".", 1)[-1]
            raise sfn._ExecutionError(f"DynamoDB.{name}", result.get("message", ""))
        return result

    @patches.replace(app, "call_service_handler_sync")
    def sdk_call(call_handler, handler, method, path, headers, body, *rest):
        target = headers.get("x-amz-target", "")
        if state.get() is None or not target.startswith("AWSStepFunctions."):
            return call_handler(handler, method, path, headers, body, *rest)
        status, result = send("states", target, body, "Sfn")
        return status, {}, json.dumps(result).encode()

    @patches.replace(sfn, "_start_sync_execution")
    def start_and_wait(_, request):
        status, result = send("states", "AWSStepFunctions.StartExecution", json.dumps(request), "StepFunctions")
        if status >= 400:
            result["__type"] = f"StepFunctions.{result.get('__type', '').rsplit('#', 1)[-1]}"
            return status, {}, json.dumps(result).encode()
        execution = sfn._executions[result["executionArn"]]
        while not execution["stopDate"]:
            time.sleep(0.02)
        names = ["executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate", "input", "output"]
        return 200, {}, json.dumps({name: execution.get(name) for name in names}).encode()


def wait_for_an_answer_as_step_functions_does():
    """Waits for a task token as Step Functions does.

    If a task's function fails before the task token is returned, the task fails immediately. The unchanged emulator
    would wait forever. Each attempt of a task gets a new token. The unchanged emulator uses one token for all
    attempts."""
    waits_for = contextvars.ContextVar("waits_for", default=None)
    patches.needs(sfn, "_task_tokens", "new_uuid")

    @patches.replace(sfn, "_call_lambda")
    def call(call_lambda, function, event):
        try:
            return call_lambda(function, event)
        except sfn._ExecutionError as error:
            task = waits_for.get() and sfn._task_tokens[waits_for.get()]
            if task and not task["event"].is_set():
                task["error"] = {"Error": error.error, "Cause": error.cause}
                task["event"].set()
            raise

    @patches.replace(sfn, "_invoke_with_callback")
    def wait(with_callback, resource, data, token, definition):
        mark = waits_for.set(token)
        try:
            return with_callback(resource, data, token, definition)
        finally:
            waits_for.reset(mark)

    @patches.replace(sfn, "_apply_jsonata_arguments")
    def with_a_token(arguments, definition, given, ctx):
        if definition.get("Resource", "").endswith(".waitForTaskToken"):
            ctx["Task"] = {"Token": sfn.new_uuid()}
        return arguments(definition, given, ctx)


def serve(listener):
    """Serves the emulator on a socket that already listens. The emulator's own command would open a port by its number,
    and another program can have taken that port in the meantime."""
    config = hypercorn.config.Config()
    config.bind = [f"fd://{listener}"]
    config.backlog = 4096
    config.keep_alive_timeout = 75
    config.loglevel = "INFO"
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(hypercorn.asyncio.serve(app.app, config))


tell_history_as_step_functions_does(patches, sfn)  # noqa: F821, defined in history.py
run_states_as_step_functions_does(patches, sfn, provisioners)  # noqa: F821, defined in states.py
gather_batches_as_lambda_does()
name_the_log_format_as_lambda_does()
send_what_states_do_themselves_through_the_stand_in()
wait_for_an_answer_as_step_functions_does()
evaluate_as_the_reference_does(patches, sfn)  # noqa: F821, defined in evaluator.py
record_expressions_if_asked(patches, sfn)  # noqa: F821, defined in expressions.py
be_as_strict_as_an_account(patches)  # noqa: F821, defined in account.py
add_leading_keys(patches)  # noqa: F821, defined in condition_keys.py
add_updated_attributes(patches)  # noqa: F821
start_executions_at_once(patches, sfn)  # noqa: F821, defined in delays.py
wait_for_events_without_polling(patches, lambda_runtime, socketserver.BaseServer)  # noqa: F821
look_for_due_schedules_each_second(patches, scheduler, eventbridge)  # noqa: F821
read_only_the_head_of_service_models(patches, responses)  # noqa: F821
log_every_line_of_an_invocation(patches, lambda_runtime)  # noqa: F821, defined in function_logs.py
match_filter_patterns_as_cloudwatch_logs_does(patches, cloudwatch_logs)  # noqa: F821
read_logs_while_functions_write(patches, cloudwatch_logs)  # noqa: F821
patches.apply()
collect_garbage_less_often()  # noqa: F821
prepare_for_a_deployment()  # noqa: F821
serve(LISTENER)
