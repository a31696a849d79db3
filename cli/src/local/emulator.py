"""Starts the emulator, and ends it with all that it started and wrote when the program that started this one is gone."""
import os
import shutil
import signal
import sys
import threading
import time


def end_with_parent():
    sys.stdin.buffer.read()  # returns when the other end is closed, by whatever ended the parent
    shutil.rmtree(os.getcwd(), ignore_errors=True)  # the run's folder, which nobody else removes any more
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=end_with_parent, daemon=True).start()
sys.argv = ["ministack"]
from ministack.app import main  # noqa: E402
from ministack.core.concurrency import esm_wake  # noqa: E402
from ministack.services import lambda_svc, sqs  # noqa: E402


def gather_batches_as_lambda_does():
    """The emulator hands a queue's messages to a function at once, ten at most. Lambda gathers them for as long as
    MaximumBatchingWindowInSeconds says (in wall time, as its functions run), or until BatchSize of them are there."""
    first_seen = {}

    def window(queue):
        arn = queue["attributes"].get("QueueArn")
        windows = [m.get("MaximumBatchingWindowInSeconds") for _, _, m in lambda_svc._iter_all_esms() if m.get("EventSourceArn") == arn]
        return max((seconds or 0 for seconds in windows), default=0)

    def receive(queue_url, most):
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

    sqs._receive_messages_for_esm = receive


def name_the_log_format_as_lambda_does():
    """Lambda tells a function by two variables how to log; the emulator keeps LoggingConfig and tells nothing."""
    environment = lambda_svc._provided_worker_env

    def with_log_format(config, *rest):
        logging = config.get("LoggingConfig") or {}
        return {
            **environment(config, *rest),
            "AWS_LAMBDA_LOG_FORMAT": logging.get("LogFormat", "Text"),
            "AWS_LAMBDA_LOG_LEVEL": logging.get("ApplicationLogLevel", ""),
        }

    lambda_svc._provided_worker_env = with_log_format


gather_batches_as_lambda_does()
name_the_log_format_as_lambda_does()
main()
