#!/usr/bin/env bash
# boto3 sends CreateUser three times to an Amazon Connect instance whose user quota is reached.
#
# version:  botocore 1.44.5 (PyPI)
# expected: a reached quota is permanent, so the request is sent once.
# seen:     Connect returns LimitExceededException for a reached quota. botocore treats this error code as throttling,
#           for every service, and retries the request. IAM returns LimitExceeded in the same situation, which botocore
#           does not retry.
# matters:  if the quota of the instance is reached, a program that creates many users uses up the account's rate limit
#           three times as fast.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check botocore==1.44.5
env -i PATH="$PATH" "$work/venv/bin/python" - >"$work/seen" <<'PYTHON'
import http.server
import json
import threading

import botocore.session
from botocore.config import Config

requests = []


class Quota(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        self.answer("connect", b'{"Message": "The users quota of this instance is reached"}', "application/json", 429)

    def do_POST(self):
        body = b"<ErrorResponse><Error><Code>LimitExceeded</Code><Message>Roles: 1000</Message></Error></ErrorResponse>"
        self.answer("iam", body, "text/xml", 409)

    def answer(self, service, body, kind, status):
        self.rfile.read(int(self.headers["content-length"]))
        requests.append(service)
        self.send_response(status)
        self.send_header("x-amzn-errortype", "LimitExceededException")
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quota)
threading.Thread(target=server.serve_forever, daemon=True).start()
session = botocore.session.get_session()


def client(service, mode):
    return session.create_client(
        service,
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"mode": mode}),
    )


for mode in ("standard", "legacy"):
    for service, call in (
        ("connect", lambda c: c.create_user(
            Username="anna", PhoneConfig={"PhoneType": "SOFT_PHONE"}, SecurityProfileIds=["profile"],
            RoutingProfileId="routing", InstanceId="5c7a1d2e-0000-4000-8000-000000000001")),
        ("iam", lambda c: c.create_role(RoleName="role", AssumeRolePolicyDocument="{}")),
    ):
        requests.clear()
        c = client(service, mode)
        try:
            call(c)
        except c.exceptions.ClientError as error:
            print(json.dumps({"mode": mode, "service": service, "code": error.response["Error"]["Code"], "requests": len(requests)}))
PYTHON
diff - "$work/seen" <<'SEEN'
{"mode": "standard", "service": "connect", "code": "LimitExceededException", "requests": 3}
{"mode": "standard", "service": "iam", "code": "LimitExceeded", "requests": 1}
{"mode": "legacy", "service": "connect", "code": "LimitExceededException", "requests": 5}
{"mode": "legacy", "service": "iam", "code": "LimitExceeded", "requests": 1}
SEEN
cat "$work/seen"
