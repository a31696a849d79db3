"""A running local cloud for the independent checks (judges): starts `onboard local --keep`, sends operator and administrator calls, and stops it."""
import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
ONBOARD = ROOT / "target/debug/onboard"
# How long a change in the local cloud may take, in seconds. The limit is high enough for a busy machine.
PATIENCE = 300
# The tenant and the Entra application with which an administrator of this tenant calls Graph (local-cloud/cloud.rs).
TENANT = "7e7a0000-0000-4000-8000-000000000001"
ADMINISTRATOR = {"client_id": "adade000-0000-4000-8000-000000000001", "client_secret": "local-cloud-administrators-secret"}
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def fail(message):
    sys.exit(f"FAILED: {message}")


def until(what, find):
    """Polls until `find` returns a result."""
    started = time.monotonic()
    while not (found := find()):
        if time.monotonic() - started > PATIENCE:
            fail(f"timeout after {PATIENCE} seconds: {what}")
        time.sleep(0.05)
    return found


class LocalCloud:
    """A local cloud that runs until `stop`, with its files in `folder`."""

    def __init__(self, folder, *options):
        self.folder = Path(folder).resolve()
        if not (ONBOARD.is_file() and ONBOARD.with_name("bootstrap").is_file()):
            fail("target/debug does not contain onboard and bootstrap: run `cargo build --workspace` first")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.file = self.folder / "current.json"
        settings = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ONBOARD_"))}
        self.environment = settings | {"ONBOARD_LOCAL_CLOUD": str(self.file), "LC_ALL": "C.UTF-8"}
        log = self.folder / "log"
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [ONBOARD, "local", "--keep", *options],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        # Ensures that the local cloud is also stopped after an error or a signal.
        atexit.register(self.stop)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
        while not self.file.exists():
            if self.process.poll() is not None:
                fail(f"no local cloud:\n{log.read_text(encoding='utf-8', errors='replace')}")
            time.sleep(0.1)
        self.kept = json.loads(self.file.read_text(encoding="utf-8"))

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)

    def write(self, name, value):
        """Writes a value as JSON. Returns the file."""
        file = self.folder / name
        file.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
        return file

    def onboard(self, *arguments, codes=(0,), typed=None):
        """Runs a command of the operator's tool. Returns its JSON output (`--json`)."""
        command = [ONBOARD, *arguments, "--local", "--json"]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, input=typed, capture_output=True, text=True)
        if done.returncode not in codes:
            fail(f"onboard {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def admin(self, path, body=None):
        """Sends a request to the administration API of the local cloud."""
        return send("POST" if body is not None else "GET", f"{self.kept['standIn']}/_admin/{path}", body)

    def inventory(self):
        return self.admin("inventory")

    def aws(self, service, target, body):
        """Sends a request in an AWS JSON protocol to the emulator."""
        return send("POST", self.kept["endpoint"], body, {"x-amz-target": target, **self.signature(service)})

    def iam(self, action, **fields):
        form = urllib.parse.urlencode({"Action": action, "Version": "2010-05-08", **fields}).encode()
        return send("POST", self.kept["standIn"], form, self.signature("iam"))

    def cloudformation(self, action, **fields):
        """Sends a request to CloudFormation. Returns the XML of the response without namespaces."""
        form = urllib.parse.urlencode({"Action": action, "Version": "2010-05-15", **fields}).encode()
        answer = ElementTree.fromstring(send("POST", self.kept["endpoint"], form, self.signature("cloudformation")))
        for element in answer.iter():
            element.tag = element.tag.rpartition("}")[2]
        return answer

    def connect(self, method, path, body=None):
        return send(method, f"{self.kept['standIn']}{path}", body, self.signature("connect"))

    def graph(self, method, path, body=None):
        """Sends a request to Microsoft Graph as the tenant's administrator."""
        form = {**ADMINISTRATOR, "grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default"}
        url = f"{self.kept['loginUrl']}/{TENANT}/oauth2/v2.0/token"
        token = send("POST", url, urllib.parse.urlencode(form).encode())["access_token"]
        return send(method, f"{self.kept['graphUrl']}/v1.0{path}", body, {"authorization": f"Bearer {token}"})

    def signature(self, service):
        """A signature header. It contains only what the emulator reads: the service and the Region."""
        scope = f"test/20260101/{self.kept['region']}/{service}/aws4_request"
        return {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}

    def machines(self):
        """The ARNs of the state machines, by file name in statemachine/."""
        names = {file.name.removesuffix(".asl.json") for file in (ROOT / "statemachine").glob("*.asl.json")}
        output = {name: name.title().replace("-", "") + "StateMachineArn" for name in sorted(names)}
        return {name: self.kept["outputs"][key] for name, key in output.items()}

    def executions(self):
        """All executions, each with its state machine, input, result and history."""
        found = []
        for machine, arn in self.machines().items():
            listed = self.aws("states", "AWSStepFunctions.ListExecutions", {"stateMachineArn": arn})["executions"]
            for execution in reversed(listed):
                one = {"executionArn": execution["executionArn"]}
                told = self.aws("states", "AWSStepFunctions.DescribeExecution", one)
                events, page = [], dict(one, maxResults=1000)
                while page:
                    history = self.aws("states", "AWSStepFunctions.GetExecutionHistory", page)
                    events += history["events"]
                    page = history.get("nextToken") and dict(page, nextToken=history["nextToken"])
                found.append({"machine": machine, **told, "events": events})
        return found


def send(method, url, body=None, headers=()):
    """Sends a request with a JSON body, or with a form given as bytes. Returns the response, parsed if it is JSON."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    kind = "application/x-www-form-urlencoded" if isinstance(body, bytes) else "application/json"
    request = urllib.request.Request(url, data, {"content-type": kind, **dict(headers)}, method=method)
    try:
        with OPENER.open(request, timeout=PATIENCE) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError as error:
        fail(f"{method} {url}: {error.code} {error.read().decode(errors='replace')}")
    try:
        return json.loads(text)
    except ValueError:
        return text
