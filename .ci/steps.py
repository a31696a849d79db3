#!/usr/bin/env python3
"""The complete check, from a clean checkout with Rust, Python and Node.js: format, lint, state machines, template,
scanners, tests, the commands in the documents, the report pages, the independent checks (judges), a deployment. All
other tools have pinned versions and are installed from the package registries into target/.

    .ci/run                  all steps except two whose large downloads rarely change: judge-azure-cli, judge-graph-models
    .ci/run STEP...          these steps, and the steps that they require
    .ci/run --release ...    the deployment uses a release binary, whose compilation takes three times as long

A step starts as soon as the steps that it requires have passed. Steps run in parallel. Each step writes its output to
target/ci-logs/STEP.log. The first failure stops all other steps, and the output of the failed step is printed. The
final table shows the duration of each step and the test counts.
"""
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = "target/ci-tools"
LOGS = ROOT / "target" / "ci-logs"
# How many seconds pass between two progress lines in the output.
HEARTBEAT = 30
# The number of seconds in which a step must stop its child processes after it has received the signal to stop.
GRACE = 20


@dataclass(frozen=True)
class Step:
    """A step: its Bash commands, the steps that must pass before it (`after`), the steps that it waits for only if they
    run too (`behind`), the process priority (`nice`), and whether it runs only if it is named (`apart`)."""

    commands: str
    after: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    nice: int = 0
    apart: bool = False


STEPS = {
    "format": Step("cargo fmt --all --check"),
    "python": Step(
        f".ci/tools/environment {TOOLS}/venv .ci/tools/requirements.txt {TOOLS}/scanners .ci/tools/scanners.txt"
        f" {TOOLS}/aws .ci/tools/requirements-aws.txt"
    ),
    "node": Step(
        f"cp .ci/tools/package.json .ci/tools/package-lock.json {TOOLS}/\n"
        f"cd {TOOLS} && npm ci --silent --no-audit --no-fund"
    ),
    # Prepares the emulator's Python environment. Otherwise the first test would create the environment, and all other
    # tests would wait.
    "emulator": Step(
        'python3 -I -c "$(cat local-cloud/emulator/environment.py)" "$(pwd -P)/target/local-cloud" < local-cloud/emulator/requirements.txt'
    ),
    # Lints and compiles in one step (see .ci/tools/lint). `--all-targets` adds the benchmarks, which `cargo test` does
    # not build. This step runs after `format`, because otherwise both steps could install a missing toolchain at the
    # same time.
    "lint": Step("cargo test --workspace --all-targets --no-run --locked", after=("format",)),
    "state-machines": Step(
        "for machine in statemachine/*.asl.json; do\n"
        f'  {TOOLS}/node_modules/.bin/asl-validator --no-arn-check --json-path "$machine"\n'
        "done",
        after=("node",),
    ),
    "template": Step(f"{TOOLS}/venv/bin/sam validate --lint --template template.yaml", after=("python",)),
    "scanners": Step(
        f"{TOOLS}/scanners/bin/checkov --config-file .ci/checkov.yaml\n"
        f"{TOOLS}/scanners/bin/zizmor --offline --no-progress .github/workflows",
        after=("python",),
    ),
    # The test command that the README names.
    "tests": Step("cargo test --workspace --locked", after=("lint", "emulator")),
    # Runs after the tests, because on two cores, tests and documents would slow each other down.
    "documents": Step(f".ci/documents/run {TOOLS}", after=("lint", "python", "emulator"), behind=("tests",)),
    # Checks the report pages that the tests have written.
    "pages": Step(f".ci/page/run {TOOLS}", after=("tests", "node")),
    # The independent checks (CONTRIBUTING.md, "Judges"): the step `life` records one end-to-end run of an onboarding,
    # and each step `judge-…` checks this recording with programs of other projects.
    "life": Step(".ci/judges/record target/judges/life", after=("lint", "emulator"), behind=("tests",)),
    "judge-saml": Step(f".ci/judges/saml/run {TOOLS} target/judges/life", after=("life", "python")),
    "judge-aws-models": Step(f".ci/judges/aws-models/run {TOOLS} target/judges/life", after=("life", "python")),
    "judge-azure-cli": Step(f".ci/judges/azure-cli/run {TOOLS}", after=("lint", "python"), apart=True),
    "judge-graph-models": Step(
        f".ci/judges/graph-models/run {TOOLS} target/judges/life", after=("life", "python"), apart=True
    ),
    "judge-control-flow": Step(f".ci/judges/control-flow/run {TOOLS} target/judges/life", after=("life", "python")),
    "judge-expressions": Step(f".ci/judges/expressions/run {TOOLS} target/judges/life", after=("life",)),
    "judge-permissions": Step(f".ci/judges/permissions/run {TOOLS} target/judges/life", after=("life", "python")),
    "judge-template": Step(f".ci/judges/template/run {TOOLS}", after=("python",), behind=("tests",)),
    "deployment": Step(f".ci/sam/run {TOOLS}", after=("lint", "python", "emulator"), behind=("tests",), nice=10),
}


class Run:
    """A step that is running or has finished."""

    def __init__(self, name, begun):
        self.name, self.begun, self.seconds = name, begun, None
        self.log = LOGS / f"{name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["nice", "-n", str(STEPS[name].nice), "bash", "-euo", "pipefail", "-c", STEPS[name].commands],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def stop(self):
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            pass
        self.signal(signal.SIGKILL)
        self.process.wait()


def needed(names):
    """These steps and all steps that they require, in the order of STEPS."""
    found, left = set(), list(names)
    while left:
        name = left.pop()
        if name not in STEPS:
            sys.exit(f"{name} is not a step; the steps are {', '.join(STEPS)}")
        found.add(name)
        left += set(STEPS[name].after) - found
    return [name for name in STEPS if name in found]


def may_start(name, names, done):
    """Whether all steps that must pass before this step have passed."""
    step = STEPS[name]
    return all(other in done for other in (*step.after, *step.behind) if other in names)


def run(names):
    """Runs the steps. Returns the finished steps, and the name of the failed step."""
    started, running, waiting = time.monotonic(), {}, list(names)
    done, said = {}, time.monotonic()

    def at():
        return time.monotonic() - started

    def say(text):
        nonlocal said
        said = time.monotonic()
        print(f"{at():>6.0f} s  {text}", flush=True)

    try:
        while waiting or running:
            for name in [name for name in waiting if may_start(name, names, done)]:
                waiting.remove(name)
                running[name] = Run(name, at())
            for name, step in list(running.items()):
                if step.process.poll() is None:
                    continue
                step.seconds = at() - step.begun
                done[name] = running.pop(name)
                say(f"{name}: {'FAILED' if step.process.returncode else 'passed'} after {step.seconds:.0f} s")
                if step.process.returncode:
                    return done, name
            if time.monotonic() - said > HEARTBEAT:
                say("running: " + ", ".join(running))
            time.sleep(0.1)
        return done, None
    finally:
        # Stops the steps that are still running after a failure or Ctrl-C.
        for step in running.values():
            step.signal(signal.SIGTERM)
        for step in running.values():
            step.stop()


def counts(log):
    """The numbers of passed, failed and skipped tests, from the output of `cargo test`."""
    results = re.findall(r"^test result: .*? (\d+) passed; (\d+) failed; (\d+) ignored", log, re.MULTILINE)
    passed, failed, skipped = (sum(map(int, column)) for column in zip(*results)) if results else (0, 0, 0)
    return f"{passed} passed, {failed} failed, {skipped} skipped"


def report(done, seconds):
    print(f"\n{'step':<16}{'begins':>8}{'takes':>8}")
    for name, step in done.items():
        print(f"{name:<16}{step.begun:>6.0f} s{step.seconds:>6.0f} s")
    print(f"{'all':<16}{'':>8}{seconds:>6.0f} s")
    if "tests" in done:
        print(f"\n{counts(done['tests'].log.read_text(encoding='utf-8', errors='replace'))}")


def main():
    arguments = sys.argv[1:]
    if "--help" in arguments:
        return print(__doc__)
    os.environ |= {
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "ap-northeast-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        # All cargo commands of all steps use the same compiler wrapper, so that nothing is compiled twice.
        "RUSTC_WORKSPACE_WRAPPER": str(ROOT / ".ci/tools/lint"),
        "CARGO_TERM_COLOR": "never",
        "FUNCTIONS_PROFILE": "release" if "--release" in arguments else "change",
    }
    (ROOT / TOOLS).mkdir(parents=True, exist_ok=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    started = time.monotonic()
    done, failed = run(needed([name for name in arguments if name != "--release"] or [name for name in STEPS if not STEPS[name].apart]))
    if failed:
        print(f"\n== {failed}, from target/ci-logs/{failed}.log")
        print("\n".join(done[failed].log.read_text(encoding="utf-8", errors="replace").splitlines()[-400:]))
    report(done, time.monotonic() - started)
    sys.exit(1 if failed else 0)


main()
