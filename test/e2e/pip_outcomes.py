# SPDX-License-Identifier: Apache-2.0
"""Run by a base's interpreter with pip on its path: reads pip's arguments for each case, and what its environment has beside what all have, as
JSON, a line each, and answers with what pip would install (name -> [version, URL]), or with what it said where it would not. One process for
all of them: pip takes longer to load than to answer."""

import contextlib
import io
import json
import os
import sys
import tempfile


def outcome(main, arguments):
    said = io.StringIO()
    with tempfile.NamedTemporaryFile("r", suffix=".json") as report:
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                status = main(["install", "--dry-run", "--quiet", "--report", report.name, "--no-input", "--no-cache-dir",
                               "--disable-pip-version-check", *arguments])
        except (SystemExit, AssertionError) as stop:
            return {"failed": f"{said.getvalue()}{stop!r}"}
        if status:
            return {"failed": said.getvalue()}
        entries = json.load(report)["install"]
    return {"install": {e["metadata"]["name"]: [e["metadata"]["version"], e["download_info"]["url"]] for e in entries}}


def run():
    from pip._internal.cli.main import main
    usual = dict(os.environ)
    for line in sys.stdin:
        arguments, env = json.loads(line)
        os.environ.clear()
        os.environ.update(usual | env)
        print(json.dumps(outcome(main, arguments)), file=sys.__stdout__, flush=True)


run()
