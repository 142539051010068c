# SPDX-License-Identifier: Apache-2.0
"""demo_dev.py BUILD ROOT FOLDER: makes an extension in FOLDER, boots LocalStack with it as a developer's source, edits it while LocalStack
runs, and waits until LocalStack has restarted with the edit. Fails if anything on the way did."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading

PYPROJECT = """[build-system]
requires = ["setuptools", "wheel", "plux>=1.3.1"]
build-backend = "setuptools.build_meta"

[project]
name = "localstack-entrypoint-demo"
version = "0.1.0"
description = "An extension that somebody is working on"
dependencies = []

[project.entry-points."localstack.hooks.on_infra_start"]
greet = "demo_extension.greeting:greet"
"""
GREETING = """import logging

from localstack.runtime import hooks

LOG = logging.getLogger(__name__)


@hooks.on_infra_start()
def greet():
    LOG.warning("demo extension: {text}")
"""
LIMIT_S = 300


def make_source(folder: pathlib.Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "demo_extension").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "demo_extension/__init__.py").write_text("")
    (folder / "demo_extension/greeting.py").write_text(GREETING.format(text="as it was written first"))


class LocalStack:
    def __init__(self, build: str, root: str, folder: pathlib.Path) -> None:
        env = {**os.environ, "EXTENSION_DEV_MODE": "1", "EXTENSION_DEV_SOURCES": str(folder), "EXTENSION_DEV_RELOAD": "1"}
        self.process = subprocess.Popen(
            [f"{build}/localstack-entrypoint", "--root", root],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self.watchdog = threading.Timer(LIMIT_S, self.process.kill)
        self.watchdog.start()

    def until(self, *wanted: str) -> list:
        """Prints the log until each of these was in a line of it; returns those that were not, when it ended before."""
        missing = list(wanted)
        for line in self.process.stdout:
            print(line, end="", flush=True)
            missing = [text for text in missing if text not in line]
            if not missing:
                break
        return missing

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        for line in self.process.stdout:
            print(line, end="", flush=True)
        self.watchdog.cancel()
        return self.process.wait()


def show(build: str, root: str, folder: pathlib.Path) -> list:
    print(f"demo: an extension in {folder}:", flush=True)
    make_source(folder)
    localstack = LocalStack(build, root, folder)
    failures = []
    missing = localstack.until("LocalStack extension developer mode enabled", "demo extension: as it was written first", "Ready.")
    if not missing:
        print("demo: editing demo_extension/greeting.py", flush=True)
        (folder / "demo_extension/greeting.py").write_text(GREETING.format(text="edited"))
        missing = localstack.until("demo extension: edited", "Ready.")
    failures += [f'the log has no "{text}"' for text in missing]
    status = localstack.stop()
    if status != 0:
        failures.append(f"LocalStack ended with status {status}")
    return failures


def main() -> int:
    build, root, folder = sys.argv[1:4]
    failures = show(build, root, pathlib.Path(folder))
    for failure in failures:
        print(f"demo: {failure}", file=sys.stderr)
    print("demo: failed" if failures else "demo: everything worked")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
