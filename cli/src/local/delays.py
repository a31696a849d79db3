"""Removes delays and work of the emulator that no service of AWS has."""
import contextvars
import functools
import gc
import gzip
import json
import threading
import time
from pathlib import Path


def start_executions_at_once(patches, sfn):
    """The emulator lets each execution sleep before its first state."""
    delay = 0.15
    starts = contextvars.ContextVar("starts", default=False)  # whether an execution has not slept yet
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


def look_for_due_schedules_each_second(patches, scheduler, eventbridge):
    """The emulator looks for them each ten seconds."""
    patches.needs(scheduler, "_SCHEDULE_TICK_INTERVAL")
    patches.needs(eventbridge, "_SCHEDULER_TICK_INTERVAL")
    scheduler._SCHEDULE_TICK_INTERVAL = eventbridge._SCHEDULER_TICK_INTERVAL = 1


def read_only_the_head_of_service_models(patches, responses):
    """For the content type of its answers, the emulator reads the whole model of each service by a session of botocore of its
    own: half of its processor time in a short run. What it looks at is the metadata at the model's beginning."""
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
        except (OSError, ValueError):  # no such service, or a model that is written in another way
            return whole_model(service)


def collect_garbage_less_often():
    """A run lasts seconds or minutes; most of what the emulator holds stays until its end."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def prepare_for_a_deployment():
    """Loads what the first stack needs while the emulator starts, and reads templates by the parser in C, which needs a
    tenth of the time of the one in Python."""

    def prepare():
        import yaml
        from ministack.services.cloudformation import engine

        if yaml.__with_libyaml__:
            loader = type("CfnLoader", (yaml.CSafeLoader,), {})
            loader.yaml_constructors = engine.CfnLoader.yaml_constructors
            engine.CfnLoader = loader
        import samtranslator.translator.transform  # noqa: F401

    threading.Thread(target=prepare, daemon=True).start()


