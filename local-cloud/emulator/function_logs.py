"""Keeps the log of each function complete."""
import fcntl
import os
import queue
import re
import select
import struct
import termios
import threading
import time
import weakref


def log_every_line_of_an_invocation(patches, runtime):
    """Logs all lines of an invocation, as CloudWatch Logs does.

    After a function's response, the emulator waits 5 ms for the remaining output. On a busy machine it logs the last
    lines with the next invocation, or never."""
    patience = 5  # seconds to wait for the remaining output
    # Maps the log queue of a process to an event that is set while the queue contains all output of the process.
    drained = weakref.WeakKeyDictionary()
    patches.needs(runtime.ProvidedWorker, "_drain_stderr")

    def put(lines, line):
        try:
            lines.put_nowait(line.decode("utf-8", errors="replace").rstrip("\r"))
        except queue.Full:  # drops the oldest line, as the unchanged emulator does
            lines.get_nowait()
            lines.put_nowait(line.decode("utf-8", errors="replace").rstrip("\r"))

    @patches.replace(runtime.ProvidedWorker, "_pump_output")
    def pump(_, worker, stream, lines):
        done = drained[lines] = threading.Event()
        readable = select.poll()
        readable.register(stream, select.POLLIN)
        rest = b""
        while True:
            if not readable.poll(0):
                done.set()
                readable.poll()
            # The event is cleared before the read. Otherwise a caller could find the pipe empty and the event set while
            # the lines are not in the queue yet.
            done.clear()
            part = os.read(stream.fileno(), 65_536)
            if not part:
                break
            *whole, rest = (rest + part).split(b"\n")
            for line in whole:
                put(lines, line)
        if rest:
            put(lines, rest)
        done.set()
        stream.close()

    def is_empty(stream):
        try:
            return struct.unpack("i", fcntl.ioctl(stream.fileno(), termios.FIONREAD, bytes(4)))[0] == 0
        except (OSError, ValueError):  # closed because the process has exited
            return True

    @patches.replace(runtime.ProvidedWorker, "_drain_stderr_bounded")
    def drain(_, worker, *waits, **named_waits):
        process, lines = worker._proc, worker._stderr_queue
        until = time.monotonic() + patience
        while process is not None and time.monotonic() < until:
            done = drained.get(lines)
            if is_empty(process.stdout) and done is not None and done.is_set():
                break
            time.sleep(0.001)
        return worker._drain_stderr()


def match_filter_patterns_as_cloudwatch_logs_does(patches, logs):
    """Matches filter patterns case-sensitively, as CloudWatch Logs does. The unchanged emulator ignores case and does
    not support regular expressions. This replacement supports the two forms that the project uses, a quoted phrase and
    a regular expression, and rejects all other patterns.

    Sources: the user guide of CloudWatch Logs, "Filter pattern syntax" and "Supported regular expressions (regex) syntax"."""
    phrase, expression = re.compile(r'"([^"]+)"'), re.compile(r"%([A-Za-z0-9:_#=@/;,\-^$?\[\]{}|\\*+.]+)%")
    patches.needs(logs, "error_response_json", "_compile_filter_pattern")

    @patches.replace(logs, "_filter_log_events")
    def check(read, data):
        pattern = data.get("filterPattern") or ""
        if pattern and not phrase.fullmatch(pattern) and not expression.fullmatch(pattern):
            return logs.error_response_json("InvalidParameterException", f"Invalid filter pattern: {pattern}", 400)
        return read(data)

    @patches.replace(logs, "_compile_filter_pattern")
    def compiled(_, pattern):
        if not pattern:
            return lambda message: True
        if text := phrase.fullmatch(pattern):
            return lambda message: text[1] in message
        return re.compile(expression.fullmatch(pattern)[1]).search


def read_logs_while_functions_write(patches, logs):
    """Reads logs again if a function wrote to them in the meantime.

    The unchanged emulator fails if a function creates its first log stream while logs are read, because the dictionary
    over which the emulator iterates then grows."""

    def again(read, data):
        while True:
            try:
                return read(data)
            except RuntimeError as error:
                if "changed size during iteration" not in str(error):
                    raise

    for name in ("_describe_log_groups", "_describe_log_streams", "_filter_log_events", "_get_log_events"):
        patches.replace(logs, name)(again)
