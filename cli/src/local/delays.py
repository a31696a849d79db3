"""Removes delays and work of the emulator that no service of AWS has."""
import contextvars
import threading
import time


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


