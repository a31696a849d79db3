#!/usr/bin/env bash
# ministack returns every log event for a JSON filter pattern, and compares terms without regard to case.
#
# version:  ministack 1.5.33, boto3 1.43.106 (PyPI)
# expected: FilterLogEvents returns the events that match the pattern, as CloudWatch Logs does: { $.level = "ERROR" }
#           compares a field of a JSON event, terms are case-sensitive, and ?a ?b matches an event with one of the terms.
# seen:     a JSON pattern matches each event, also events that are not JSON. The term ERROR matches "no error".
#           The terms ?ERROR ?WARN match no event with only one of the two words.
# matters:  a local test of a command that searches logs passes with a pattern that finds nothing in AWS, or too much.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${emulator:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check ministack==1.5.33 boto3==1.43.106
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cd "$work"
env -i PATH="$work/venv/bin:$PATH" HOME="$work" BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" MINISTACK_HOST=127.0.0.1 ministack >log 2>&1 &
emulator=$!
env -i PATH="$PATH" "$work/venv/bin/python" - "$port" >seen <<'PYTHON'
import sys
import time
import urllib.request

import boto3

url = f"http://127.0.0.1:{sys.argv[1]}"
for _ in range(300):
    try:
        urllib.request.urlopen(f"{url}/_ministack/ready").read()
        break
    except OSError:
        time.sleep(0.1)
logs = boto3.client("logs", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
logs.create_log_group(logGroupName="group")
logs.create_log_stream(logGroupName="group", logStreamName="stream")
now = int(time.time() * 1000)
messages = ['{"level":"ERROR"}', '{"level":"INFO"}', "no error", "WARN low memory"]
events = [{"timestamp": now + number, "message": message} for number, message in enumerate(messages)]
logs.put_log_events(logGroupName="group", logStreamName="stream", logEvents=events)
for pattern in ('{ $.level = "ERROR" }', "ERROR", "?ERROR ?WARN"):
    found = logs.filter_log_events(logGroupName="group", filterPattern=pattern)["events"]
    print(pattern, "->", [event["message"] for event in found])
PYTHON
diff - seen <<'SEEN'
{ $.level = "ERROR" } -> ['{"level":"ERROR"}', '{"level":"INFO"}', 'no error', 'WARN low memory']
ERROR -> ['{"level":"ERROR"}', 'no error']
?ERROR ?WARN -> []
SEEN
cat seen
