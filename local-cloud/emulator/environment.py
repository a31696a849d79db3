"""Creates the emulator's private Python environment, once for each combination of interpreter and requirements.

Usage: python3 -I -c PROGRAM FOLDER < requirements.txt

FOLDER is the cache that contains the environment. Prints one JSON object per line: {"progress": text} while it works,
then {"ready": folder}, or {"failed": "python" | "venv" | "pip" | "folder", "text": output, "version": Python's
version}."""
import sys

CACHE, REQUIREMENTS = sys.argv[1], sys.stdin.read()
VERSION = "%d.%d" % sys.version_info[:2]


def tell(line):
    import json

    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def fail(what, text):
    tell({"failed": what, "text": text, "version": VERSION})
    sys.exit(1)


def run(what, command, **options):
    """Runs a command and prints its output as progress."""
    import os
    import subprocess

    said = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **options) as process:
        for line in process.stdout:
            if line.strip():
                said.append(line.rstrip())
                tell({"progress": line.strip()})
    if process.returncode:
        full = any("No space left on device" in line or "Disk quota exceeded" in line for line in said)
        # `venv` hides the error of the program that it runs, so its output does not show that the disk is full. A disk
        # with less than 1 MB of free space counts as full, because no package is that small.
        disk = os.statvfs(CACHE)
        if not full and disk.f_bavail * disk.f_frsize < 1_000_000:
            fail("folder", "No space left on device")
        fail("folder" if full else what, "\n".join(said[-12:]))


def install(folder):
    """Creates the environment in a folder. pip uses the caller's settings for index, proxy and certificate, but
    ignores settings that would install the packages elsewhere."""
    import os

    astray = ["PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_CONSTRAINT"]
    environment = {name: value for name, value in os.environ.items() if name not in astray}
    tell({"progress": "venv"})
    run("venv", [sys.executable, "-I", "-m", "venv", folder], env=environment)
    requirements = os.path.join(folder, "requirements.txt")
    with open(requirements, "w", encoding="utf-8") as file:
        file.write(REQUIREMENTS)
    # The list of requirements includes all dependencies, so pip does not have to resolve them.
    pip = ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-warn-script-location", "--no-deps"]
    pip += ["--progress-bar", "off", "--require-hashes", "--only-binary", ":all:", "--requirement", requirements]
    run("pip", [os.path.join(folder, "bin", "python"), *pip], env=environment)


def main():
    if sys.version_info < (3, 10):
        fail("python", "")
    import hashlib
    import os

    key = "%s\n%s\n%s" % (REQUIREMENTS, os.path.realpath(sys.executable), VERSION)
    folder = os.path.join(CACHE, "venv-" + hashlib.sha256(key.encode()).hexdigest()[:12])
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python):
        import fcntl
        import glob
        import shutil
        import tempfile

        os.makedirs(CACHE, exist_ok=True)
        # If two runs start at the same time, only the first creates the environment, and the second waits for it.
        with open(os.path.join(CACHE, "venv.lock"), "w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                tell({"progress": "waiting for another installation"})
                fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(python):
                # This process holds the lock, so no other installation is running. Any folder found here is left from
                # an installation that was killed.
                for left in glob.glob(os.path.join(glob.escape(CACHE), "venv-new-*")):
                    shutil.rmtree(left, ignore_errors=True)
                with tempfile.TemporaryDirectory(prefix="venv-new-", dir=CACHE, ignore_cleanup_errors=True) as fresh:
                    install(os.path.join(fresh, "venv"))
                    # An existing folder contains an environment that was damaged after its installation: the
                    # interpreter is missing.
                    shutil.rmtree(folder, ignore_errors=True)
                    os.rename(os.path.join(fresh, "venv"), folder)
    tell({"ready": folder})


try:
    main()
except OSError as error:
    fail("folder", str(error))
