# SPDX-License-Identifier: Apache-2.0
"""The line that each sync leaves of itself beside the venv."""

import json
import os
import re
import subprocess

import pytest

from checks import demo_set
from test_downloads import gate  # noqa: F401 (a fixture)

KEYS = ["time", "by", "host", "pid", "exit", "ms", "installed", "removed", "kept", "failed", "error"]


def file_of(root):
    return root.extensions / ".localstack-extensions.history"


def history(root):
    return [json.loads(line) for line in file_of(root).read_text().splitlines()]


def counts(entry):
    return [entry[key] for key in ("exit", "installed", "removed", "kept", "failed")]


def test_each_sync_leaves_a_line(root, index):
    demo_set(index)
    root.sync(EXTENSION_AUTO_INSTALL="viewer,typed")
    boot = root.boot("true", env={"EXTENSION_AUTO_INSTALL": "viewer,no-such-name"})
    assert boot.status == 0, boot
    root.sync(EXTENSION_AUTO_INSTALL="viewer")
    first, second, third = history(root)
    assert [list(entry) for entry in (first, second, third)] == [KEYS] * 3
    assert [entry["by"] for entry in (first, second, third)] == ["command", "boot", "command"]
    assert [counts(entry) for entry in (first, second, third)] == [[0, 3, 0, 0, 0], [1, 0, 0, 3, 1], [0, 0, 2, 1, 0]]
    assert first["host"] == os.uname().nodename and first["error"] is None
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", first["time"]) and 0 < first["ms"] < 120_000


def test_who_finds_nothing_to_do_writes_nothing(root, index):
    demo_set(index)
    root.env["EXTENSION_AUTO_INSTALL"] = "viewer"
    root.sync()
    before = file_of(root).stat()
    root.sync()
    assert root.boot("true").status == 0
    after = file_of(root).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_failure_is_told_without_credentials(root, index):
    os.unlink(root.base / "bin/python3")
    (root.base / "bin/python3").write_text("#!/bin/sh\necho cannot at https://user:geheim17@host/ >&2; exit 7\n")
    (root.base / "bin/python3").chmod(0o755)
    done = root.sync(status=3, EXTENSION_AUTO_INSTALL="viewer")
    entry, = history(root)
    assert counts(entry) == [3, 0, 0, 0, 0]
    assert entry["error"] and entry["error"][:40] in done.err.replace("\n  ", "\n"), (entry, done)
    assert "geheim17" not in file_of(root).read_text()


def test_a_sync_that_was_killed_is_seen(root, gate):  # noqa: F811
    first = subprocess.Popen(root.command("sync"), env=root.env, stderr=subprocess.DEVNULL)
    assert gate.half.wait(60)
    first.kill()
    first.wait()
    entry, = history(root)
    assert (entry["exit"], entry["ms"], entry["pid"]) == (None, None, first.pid)
    gate.open.set()
    root.sync()
    killed, good = history(root)
    assert killed == entry and counts(good) == [0, 1, 0, 0, 0]


def test_it_stays_short(root, index):
    demo_set(index)
    root.sync(EXTENSION_AUTO_INSTALL="viewer")
    line = history(root)[0]
    file_of(root).write_text("".join(json.dumps({**line, "ms": i}) + "\n" for i in range(30)))
    root.sync(EXTENSION_AUTO_INSTALL="typed")
    assert [entry["ms"] for entry in history(root)][:-1] == list(range(11, 30))
    assert counts(history(root)[-1]) == [0, 2, 1, 0, 0]


@pytest.mark.parametrize("garbage", [
    b"\0\xff\n{}\n[]\n{\"time\": 1}\nnull\n", b"x" * 300_000, b"", b"{" * 1000,
    b'{"time":"t","by":"b","host":"h","pid":1,"installed":"many","removed":0,"kept":0,"failed":0}\n'])
def test_garbage_goes(root, index, garbage):
    demo_set(index)
    root.extensions.mkdir(parents=True)
    file_of(root).write_bytes(garbage)
    root.sync(EXTENSION_AUTO_INSTALL="viewer")
    assert [counts(entry) for entry in history(root)] == [[0, 1, 0, 0, 0]]


def test_lines_of_a_later_version_count_by_what_is_known(root, index):
    demo_set(index)
    root.sync(EXTENSION_AUTO_INSTALL="viewer")
    line = history(root)[0]
    file_of(root).write_text(json.dumps({**line, "more": [1]}) + "\n")
    root.sync(EXTENSION_AUTO_INSTALL="typed")
    assert history(root)[0] == line


def test_a_history_that_cannot_be_written_hinders_nothing(root, index):
    demo_set(index)
    file_of(root).mkdir(parents=True)
    (file_of(root) / "full").touch()
    root.sync(EXTENSION_AUTO_INSTALL="viewer")
    assert root.installed() == {"viewer": "1.0"}
