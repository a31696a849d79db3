"""Starts the emulator and ends it, with everything that it started, when the program that started this one is gone."""
import os
import signal
import sys
import threading


def end_with_parent():
    sys.stdin.buffer.read()  # returns when the other end is closed, by whatever ended the parent
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=end_with_parent, daemon=True).start()
sys.argv = ["ministack"]
from ministack.app import main  # noqa: E402

main()
