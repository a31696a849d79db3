#!/usr/bin/env bash
# ministack wakes up many times per second for each warm function with a custom runtime, even if no function is invoked.
#
# version:  ministack 1.5.33, boto3 1.43.106 (PyPI)
# expected: a warm function waits for its next event in one request (`/runtime/invocation/next`). The emulator responds
#           when an event arrives, and does no work for the function until then.
# seen:     for each warm function, the emulator polls a queue of events ten times per second, and its server of the
#           Runtime API also wakes up ten times per second. The script counts the voluntary context switches of the
#           emulator's threads, without a warm function and with ten. The difference is about 20 per second for each
#           warm function. The script accepts 8 to 200, because the number depends on the load of the machine.
# matters:  an emulator with many warm functions is never idle, and slows down the tests that run beside it. The script
#           requires Linux.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${emulator:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check ministack==1.5.33 boto3==1.43.106
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cd "$work"
env -i PATH="$work/venv/bin:$PATH" HOME="$work" BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" MINISTACK_HOST=127.0.0.1 ministack >log 2>&1 &
emulator=$!
env -i PATH="$PATH" "$work/venv/bin/python" - "$port" "$emulator" >seen <<'PYTHON'
import io
import re
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import boto3

port, emulator = sys.argv[1:]
url = f"http://127.0.0.1:{port}"
FUNCTIONS, SECONDS = 10, 10
# A runtime that returns each event unchanged, and waits for the next event without a timeout.
BOOTSTRAP = """#!/usr/bin/env python3
import os, urllib.request
api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
while True:
    with urllib.request.urlopen(f"{api}/next") as event:
        name, body = event.headers["Lambda-Runtime-Aws-Request-Id"], event.read()
    urllib.request.urlopen(f"{api}/{name}/response", body).read()
"""
for _ in range(600):
    try:
        urllib.request.urlopen(f"{url}/_ministack/ready").read()
        break
    except OSError:
        time.sleep(0.1)


def switches():
    found = 0
    for status in Path(f"/proc/{emulator}/task").glob("*/status"):
        try:
            found += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status.read_text(), re.M)[1])
        except OSError:  # the thread has ended
            pass
    return found


def per_second():
    time.sleep(3)
    begun, before = time.monotonic(), switches()
    time.sleep(SECONDS)
    return (switches() - before) / (time.monotonic() - begun)


idle = per_second()
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    bootstrap = zipfile.ZipInfo("bootstrap")
    bootstrap.external_attr = 0o755 << 16
    archive.writestr(bootstrap, BOOTSTRAP)
client = boto3.client("lambda", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
answers = set()
for number in range(FUNCTIONS):
    client.create_function(FunctionName=f"f{number}", Runtime="provided.al2023", Handler="h", Timeout=60,
                           Role="arn:aws:iam::000000000000:role/r", Code={"ZipFile": code.getvalue()})
    answers.add(client.invoke(FunctionName=f"f{number}", Payload=b'{"a": 1}')["Payload"].read())
each = (per_second() - idle) / FUNCTIONS
print("answers:", *answers)
print("wake-ups per second for each warm function:", "8 to 200" if 8 <= each <= 200 else each)
print(f"{idle:.0f} per second without a warm function, {each:.1f} more for each warm function", file=sys.stderr)
PYTHON
diff - seen <<'SEEN'
answers: b'{"a": 1}'
wake-ups per second for each warm function: 8 to 200
SEEN
cat seen
