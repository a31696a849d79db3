"""Removes the emulator's delays and overhead that do not exist in AWS."""
import contextlib
import contextvars
import functools
import gc
import gzip
import json
import socket
import threading
import time
from pathlib import Path


def start_executions_at_once(patches, sfn):
    """Removes the emulator's sleep before the first state of an execution."""
    delay = 0.15
    starts = contextvars.ContextVar("starts", default=False)  # True until the execution sleeps for the first time
    patches.needs(sfn, "time")

    @patches.replace(sfn, "_run_execution")
    def run(run_execution, execution):
        starts.set(True)
        return run_execution(execution)

    class Time:
        def __getattr__(self, name):
            return getattr(time, name)

        def sleep(self, seconds):
            first = starts.get()
            starts.set(False)
            if not first or seconds != delay:
                time.sleep(seconds)

    sfn.time = Time()


def wait_for_events_without_polling(patches, runtime, server):
    """Lets the threads of a function's Runtime API sleep until a request or an event arrives.

    In the unchanged emulator, two threads for each process of a function wake up ten times per second: the thread of the
    HTTP server, and the thread that waits for the next event. A local cloud has about 25 such processes, and a test run
    has several local clouds."""
    interval = 5  # a thread needs at most this many seconds to notice that its process has been stopped

    class Events:
        def __init__(self, events):
            self.events = events

        def get(self, timeout):
            return self.events.get(timeout=interval)

    @patches.replace(runtime.ProvidedWorker, "_build_handler_class")
    def handler_class(build, worker, generation, pending):
        return build(worker, generation, Events(pending))

    @patches.replace(server, "serve_forever")
    def serve(serve_forever, self, poll_interval):
        serve_forever(self, interval)

    @patches.replace(server, "shutdown")
    def shutdown(wait_for_the_end, self):
        # After this assignment, the loop of `serve_forever` ends as soon as a client connects.
        self._BaseServer__shutdown_request = True
        with contextlib.suppress(OSError):  # the socket is closed, so the loop has ended
            socket.create_connection(self.server_address, timeout=1).close()
        wait_for_the_end(self)


def look_for_due_schedules_each_second(patches, scheduler, eventbridge):
    """Checks for due schedules each second instead of every ten seconds."""
    patches.needs(scheduler, "_SCHEDULE_TICK_INTERVAL")
    patches.needs(eventbridge, "_SCHEDULER_TICK_INTERVAL")
    scheduler._SCHEDULE_TICK_INTERVAL = eventbridge._SCHEDULER_TICK_INTERVAL = 1


def read_only_the_head_of_service_models(patches, responses):
    """Reads only the metadata of a service model.

    To determine the content type of a response, the emulator loads the whole model of each service with a separate
    botocore session. In a short run, this takes half of the emulator's CPU time. The emulator uses only the metadata,
    which are at the beginning of the model."""
    head = 65_536  # bytes
    patches.needs(responses, "_BOTOCORE_NAME")

    class Model:
        def __init__(self, metadata):
            self.metadata = metadata

    @functools.lru_cache(maxsize=None)
    def metadata(service):
        import botocore

        versions = (Path(botocore.__file__).parent / "data" / responses._BOTOCORE_NAME.get(service, service)).glob("*/service-2.json.gz")
        with gzip.open(max(versions), "rt", encoding="utf-8") as model:
            text = model.read(head)
        return Model(json.JSONDecoder().raw_decode(text, text.index("{", text.index('"metadata"')))[0])

    @patches.replace(responses, "_service_model")
    def service_model(whole_model, service):
        try:
            return metadata(service)
        except (OSError, ValueError):  # no such service, or a model with another layout
            return whole_model(service)


def collect_garbage_less_often():
    """Makes garbage collection less frequent, because a run is short and most objects are used until the end."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def prepare_for_a_deployment():
    """Prepares the emulator for the first deployment while it starts: imports the SAM transform, and replaces the
    YAML parser written in Python with the parser written in C, which is ten times as fast."""

    def prepare():
        import yaml
        from ministack.services.cloudformation import engine

        if yaml.__with_libyaml__:
            loader = type("CfnLoader", (yaml.CSafeLoader,), {})
            loader.yaml_constructors = engine.CfnLoader.yaml_constructors
            engine.CfnLoader = loader
        import samtranslator.translator.transform  # noqa: F401

    threading.Thread(target=prepare, daemon=True).start()


