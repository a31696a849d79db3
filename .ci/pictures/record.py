"""Runs a program in a pseudo-terminal, and writes what it prints as lines of JSON, [SECONDS SINCE THE START, TEXT].

    record.py FILE COLUMNS ROWS PROGRAM ARGUMENT…
"""
import codecs
import fcntl
import json
import os
import pty
import struct
import sys
import termios
import time

file, columns, rows, *command = sys.argv[1:]
process, terminal = pty.fork()
if process == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))
    os.execvp(command[0], command)
decoder, start = codecs.getincrementaldecoder("utf-8")(), time.monotonic()
with open(file, "w", encoding="utf-8") as recording:
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # On Linux, reading fails as soon as the program has exited.
            break
        if not chunk:
            break
        recording.write(json.dumps([time.monotonic() - start, decoder.decode(chunk)]) + "\n")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
