#!/usr/bin/env python3
"""Measures how long a developer waits for frequent commands, in this checkout and in another state of the project. Both
states are measured alternately on the same machine. Writes the table of benches/README.md.

    benches/developer_loop.py --against COMMIT|FOLDER              every row: several hours
    benches/developer_loop.py --against COMMIT|FOLDER local cpu    only these rows; the other rows keep their values

The committed files of both states are cloned. Each row of the table is a command that is measured in one of three ways.
Before each run of a cold row, target/ is removed and the caches of pip, uv and npm are emptied. A bare row also starts with
an empty CARGO_HOME. Before a warm row is measured, the project is compiled and the command has run once. The table shows the
median of a row's runs. Processor time is the user and system time of all processes of a run. Requires Linux and the
requirements of `.ci/run`.
"""
import argparse
import ctypes
import itertools
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "benches" / "README.md"
TABLE = re.compile(r"(<!-- developer_loop: begin -->\n).*?(<!-- developer_loop: end -->)", re.DOTALL)
HEAD = "| Measure | Before | After | After ÷ before | Target | |\n|---|---:|---:|---:|---:|---|\n"
# Seconds without output after which a user would assume that nothing happens.
SILENCE = 5
# Seconds that remaining child processes have to exit after the command has exited.
GRACE = 10
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Row:
    """A row of the table: a measured command. `kind` is `warm`, `cold` or `bare` (see the description of this program)."""

    name: str
    command: str
    target: Fraction
    kind: str = "warm"
    runs: int = 1
    figure: str = "seconds"
    silence: bool = False


ROWS = {
    "ci": Row("`.ci/run`, cold", ".ci/run", Fraction(1, 3), "cold"),
    "test": Row("`cargo test --workspace`, cold, build included", "cargo test --workspace", Fraction(1, 2), "cold"),
    "faults": Row("Fault table", "cargo test --workspace --test onboard faults::", Fraction(1, 3)),
    "local": Row("`cargo onboard local`, warm, 25 users", "cargo onboard local", Fraction(1, 3), runs=7),
    "again": Row("`cargo onboard local --users 2000 --again`, warm", "cargo onboard local --users 2000 --again", Fraction(1, 2), runs=3),
    "many": Row("`cargo onboard local --users 20000`, warm", "cargo onboard local --users 20000", Fraction(2, 3)),
    "first": Row("First run on a bare machine", "cargo onboard local", Fraction(3, 4), "bare", silence=True),
    "cpu": Row("Processor time of one warm local onboarding", "cargo onboard local", Fraction(1, 2), runs=7, figure="processor"),
}
# Environment variables whose names start like this are removed, because they would influence the measurements.
OWN = ("CARGO_", "RUSTC_", "RUSTFLAGS", "ONBOARD_", "AWS_", "SAM_")


class Failed(Exception):
    """Raised if a run gives no valid measurement."""


@dataclass
class Side:
    """One of the two compared states of the project: its clone, and its measurements by row."""

    name: str
    folder: Path
    figures: dict = field(default_factory=dict)
    silence: float = 0.0
    prepared: bool = False

    def commit(self):
        return git(self.folder, "rev-parse", "--short", "HEAD")

    def environment(self, kind):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
        home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
        environment["CARGO_HOME"] = str(home)
        if kind != "warm":
            caches = self.folder.with_name(f"{self.name}-caches")
            shutil.rmtree(caches, ignore_errors=True)
            for variable in ("PIP_CACHE_DIR", "UV_CACHE_DIR", "npm_config_cache"):
                environment[variable] = str(caches / variable)
            if kind == "bare":
                environment["CARGO_HOME"] = str(caches / "cargo")
                (caches / "cargo").mkdir(parents=True)
                # The settings of a registry mirror are kept, because a mirror belongs to the machine like its network.
                if (home / "config.toml").exists():
                    shutil.copy(home / "config.toml", caches / "cargo")
        return environment

    def prepare(self, kind):
        """Prepares a run: removes all build output for a cold row, or builds everything for a warm row."""
        if kind != "warm":
            self.prepared = False
            for folder in ("target", ".aws-sam"):
                shutil.rmtree(self.folder / folder, ignore_errors=True)
        elif not self.prepared:
            for command in ("cargo test --workspace --no-run", "cargo onboard local"):
                self.run(command, "warm")
            self.prepared = True

    def run(self, command, kind):
        """Runs a command. Returns the duration, the CPU time and the longest time without output, in seconds."""
        environment = self.environment(kind)
        log = self.folder.with_name(f"{self.name}.log")
        used, started = processor(), time.monotonic()
        process = subprocess.Popen(
            command.split(),
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        heard = [started]
        reader = threading.Thread(target=listen, args=(process.stdout, log, heard))
        reader.start()
        process.wait()
        ended = time.monotonic()
        reap(command)
        reader.join()
        if process.returncode:
            raise Failed(f"{self.name}: `{command}` exited with {process.returncode}; the end of its output:\n{tail(log)}")
        heard = [at for at in heard if at < ended] + [ended]
        silence = max(later - earlier for earlier, later in itertools.pairwise(heard))
        return ended - started, processor() - used, silence


def listen(stream, log, heard):
    """Copies the output of a command and records the times of its parts."""
    with log.open("wb") as file:
        while part := os.read(stream.fileno(), 65536):
            heard.append(time.monotonic())
            file.write(part)


def processor():
    """Returns the user and system time, in seconds, of all child processes that have exited."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def reap(command):
    """Waits for processes that outlive the command. They become children of this one, so their CPU time is counted."""
    until = time.monotonic() + GRACE
    while time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.05)
        except ChildProcessError:
            return
    raise Failed(f"{command}: the command has exited, but some of its processes are still running")


def tail(log):
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-40:])


def git(folder, *arguments):
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def clone(name, source, work):
    """Clones the project at a commit, or as committed in a folder."""
    folder = work / name
    is_folder = Path(source).is_dir()
    subprocess.run(["git", "clone", "--quiet", Path(source).resolve() if is_folder else ROOT, folder], check=True)
    if not is_folder:
        git(folder, "checkout", "--quiet", "--detach", source)
    return Side(name, folder)


def measure(row, runs, sides):
    for side in sides:
        side.figures.pop((row.command, row.kind), None)
    for number in range(runs):
        for side in sides:
            side.prepare(row.kind)
            seconds, cpu, silence = side.run(row.command, row.kind)
            print(f"{side.name:<7}{row.name}, run {number + 1}: {seconds:.1f} s, processor {cpu:.1f} s, at most {silence:.1f} s without output", flush=True)
            side.figures.setdefault((row.command, row.kind), []).append((seconds, cpu))
            if row.silence:
                side.silence = silence


def line(row, sides):
    """Returns the text of the table row, and whether the row's target is met."""
    column = {"seconds": 0, "processor": 1}[row.figure]
    before, after = (statistics.median(run[column] for run in side.figures[row.command, row.kind]) for side in sides)
    met = after <= before * row.target
    cells = [f"{before:.1f} s", f"{after:.1f} s", f"{after / before:.2f}", f"≤ {row.target}"]
    if row.silence:
        met = met and sides[1].silence <= SILENCE
        cells[0] += f", {sides[0].silence:.0f} s without output"
        cells[1] += f", {sides[1].silence:.0f} s without output"
        cells[3] += f", ≤ {SILENCE} s without output"
    return f"| {' | '.join([row.name, *cells, 'met' if met else '**missed**'])} |", met


def write(lines, sides, load):
    """Writes the measured rows to the table of benches/README.md. Rows that were not measured are kept."""
    text = README.read_text(encoding="utf-8")
    known = {one.split(" | ")[0]: one for one in TABLE.search(text)[0].splitlines() if one.startswith("| ")}
    known |= {one.split(" | ")[0]: one for one in lines}
    wanted = [known[f"| {row.name}"] for row in ROWS.values() if f"| {row.name}" in known]
    about = f"{len(lines)} of {len(ROWS)} rows measured on {time.strftime('%Y-%m-%d')} on {os.cpu_count()} cores, load {load:.1f} at the start:"
    about += f" commit {sides[1].commit()} against {sides[0].commit()}.\n\n"
    table = about + HEAD + "\n".join(wanted) + "\n"
    README.write_text(TABLE.sub(lambda match: match[1] + table + match[2], text), encoding="utf-8")
    print(f"\n{table}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", required=True, metavar="COMMIT|FOLDER", help="the state of the project to compare with")
    parser.add_argument("--work", type=Path, help="folder for the clones [default: the folder for temporary files]")
    parser.add_argument("--runs", type=int, help="number of runs per row, instead of the default of each row")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"rows to measure: {', '.join(ROWS)} [default: all]")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - set(ROWS):
        parser.error(f"no such rows: {', '.join(sorted(unknown))}")
    # Processes that outlive their parent become children of this process instead of init, so that their time counts.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    rows = [row for name, row in ROWS.items() if name in (arguments.rows or ROWS)]
    if arguments.work:
        arguments.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.work, prefix="developer-loop-") as work:
        load = os.getloadavg()[0]
        sides = [clone("before", arguments.against, Path(work)), clone("after", ROOT, Path(work))]
        lines, missed = [], []
        # Cold rows are measured first, because they remove the build output that warm rows need.
        for row in sorted(rows, key=lambda row: row.kind == "warm"):
            try:
                if any((row.command, row.kind) not in side.figures for side in sides):
                    measure(row, arguments.runs or row.runs, sides)
                text, met = line(row, sides)
            except Failed as failed:
                print(failed, file=sys.stderr, flush=True)
                met = False
            else:
                lines.append(text)
                # The table is written after each row, so that a later failure does not lose hours of measurements.
                write(lines, sides, load)
            missed += [] if met else [row.name]
    sys.exit(f"missed: {'; '.join(missed)}" if missed else 0)


main()
