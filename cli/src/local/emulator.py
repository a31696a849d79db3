"""Starts the emulator, and ends it with all that it started and wrote when the program that started this one is gone."""
import os
import shutil
import signal
import sys
import threading


def end_with_parent():
    sys.stdin.buffer.read()  # returns when the other end is closed, by whatever ended the parent
    shutil.rmtree(os.getcwd(), ignore_errors=True)  # the run's folder, which nobody else removes any more
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=end_with_parent, daemon=True).start()
sys.argv = ["ministack"]
from ministack.app import main  # noqa: E402

main()
