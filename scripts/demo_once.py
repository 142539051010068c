# SPDX-License-Identifier: Apache-2.0
"""demo_once.py BUILD ROOT PORT: boots LocalStack, waits for its line `Ready.`, asks its health endpoint, looks for the marker's
line in the log, lists the extensions venv and stops LocalStack. Fails if anything on the way did."""

import json
import signal
import subprocess
import sys
import threading
import urllib.request

MARKER = "localstack-entrypoint-marker: loaded from the extensions venv"
EXPECTED = (
    "localstack-extension-mailhog",
    "localstack-extension-typedb",
    "localstack-extension-diagnosis-viewer",
    "localstack-entrypoint-marker",
)
START_LIMIT_S = 300


def main() -> int:
    build, root, port = sys.argv[1:4]
    failures = []
    boot = subprocess.Popen(
        [f"{build}/localstack-entrypoint", "--root", root],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    watchdog = threading.Timer(START_LIMIT_S, boot.kill)
    watchdog.start()
    log = []
    for line in boot.stdout:
        print(line, end="", flush=True)
        log.append(line)
        if line == "Ready.\n":
            break
    else:
        failures.append(f"LocalStack did not become ready within {START_LIMIT_S} s; it ended with status {boot.wait()}")
    if not failures:
        url = f"http://127.0.0.1:{port}/_localstack/health"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=30) as answer:
            health = json.load(answer)
        print(f"health: {answer.status}, version {health.get('version')}, {len(health.get('services', {}))} services")
        if not any(MARKER in line for line in log):
            failures.append("the log does not show the marker extension's line: LocalStack did not load the extensions venv")
        boot.send_signal(signal.SIGTERM)
        for line in boot.stdout:
            print(line, end="", flush=True)
        status = boot.wait()
        print(f"LocalStack stopped with status {status}")
        if status != 0:
            failures.append(f"LocalStack ended with status {status} after SIGTERM")
    watchdog.cancel()
    failures += [f"the log has an error: {line.strip()}" for line in log if "localstack-extensions: error:" in line]

    listed = subprocess.run(
        [f"{build}/localstack-extensions", "list", "--root", root], stdout=subprocess.PIPE, text=True, check=False
    )
    print(listed.stdout, end="")
    if listed.returncode != 0:
        failures.append(f"localstack-extensions list ended with status {listed.returncode}")
    failures += [f"{name} is not in the extensions venv" for name in EXPECTED if name not in listed.stdout]
    for failure in failures:
        print(f"demo: {failure}", file=sys.stderr)
    print("demo: failed" if failures else "demo: everything worked")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
