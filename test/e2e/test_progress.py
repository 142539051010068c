# SPDX-License-Identifier: Apache-2.0
"""What a sync shows of its progress on a terminal, and that nothing of it is left, or gets anywhere else."""

import os
import re
import signal
import threading

import pytest

from fault_server import page
from terminal import Terminal
from test_downloads import gate  # noqa: F401 (a fixture)

HALF = r"downloading 0 of 1 file, 1\.[45] of 3\.0 MB, \d+\.\d MB/s: large-1\.0-py3"


@pytest.fixture
def held(root, gate):  # noqa: F811
    """A download that stops in its middle, of a size that the page tells."""
    gate.server.add("/simple/large/", page([{**gate.entry, "size": len(gate.data)}]))
    root.env["TERM"] = "xterm"
    return gate


def on_terminal(root, *args, columns=100, env=None):
    return Terminal(columns).run(root.command("sync", *args), root.environment(env or {}))


def without_numbers(lines):
    return [re.sub(r"[0-9.]+", "N", line) for line in lines]


def test_it_is_shown_while_it_lasts_and_leaves_what_a_file_gets(root, held):
    terminal = on_terminal(root)
    terminal.wait_for(HALF)
    held.open.set()
    assert terminal.end() == 0 and root.installed() == {"large": "1.0"}
    plain = root.sync("--venv", root.extensions.parent / "other/python_venv", "--cache-dir", root.folder / "other-cache").err
    assert "\r" not in plain and "\x1b" not in plain
    assert without_numbers(terminal.screen()) == without_numbers(plain.split("\n"))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_clean(root, held, how):
    terminal = on_terminal(root)
    terminal.wait_for(HALF)
    terminal.process.send_signal(how)
    assert terminal.end() == -how
    lines = terminal.screen()
    assert lines[-1] == "" and all(line.startswith("localstack-extensions: ") for line in lines[:-1]), lines


def test_a_signal_to_the_first_process_of_a_container_does_too(root, held):
    terminal = Terminal().run(["unshare", "--pid", "--fork", "--kill-child", *root.command("sync")], root.env)
    terminal.wait_for(HALF)
    with open(f"/proc/{terminal.process.pid}/task/{terminal.process.pid}/children") as f:
        os.kill(int(f.read()), signal.SIGTERM)
    assert terminal.end() == 128 + signal.SIGTERM
    assert terminal.screen()[-1] == ""


def test_a_signal_that_is_ignored_stays_ignored(root, held):
    """As nohup and a shell's background jobs want it."""
    terminal = Terminal().run(["env", "--ignore-signal=INT", *root.command("sync")], root.env)
    terminal.wait_for(HALF)
    terminal.process.send_signal(signal.SIGINT)
    held.open.set()
    assert terminal.end() == 0 and root.installed() == {"large": "1.0"}


# The time limit ends each of these while the download is held: long enough for a line where there is to be one.
@pytest.mark.parametrize("args, env, shown", [
    ([], {}, True), (["-v"], {}, True), (["-q"], {}, False), ([], {"TERM": "dumb"}, False), ([], {"TERM": None}, False),
    ([], {"EXTENSION_LOG_FORMAT": "json"}, False), ([], {"EXTENSION_LOG_LEVEL": "error"}, False), ([], {"NO_COLOR": "1"}, True),
])
def test_when_it_is_shown(root, held, args, env, shown):
    terminal = on_terminal(root, "--timeout", "2", *args, env=env)
    assert terminal.end() == 3
    drawn = terminal.drawn()
    assert bool(drawn) == shown
    assert shown or "\x1b" not in terminal.raw
    assert len(drawn) <= 21, "more often than ten times a second"
    assert not shown or len(drawn) > 3, "a download that stands still is shown all the same"
    said = "the time limit of --timeout has passed"
    form = f'{{.*"message": "{said}.*}}' if "EXTENSION_LOG_FORMAT" in env else f"localstack-extensions: error: {said}.*"
    assert re.fullmatch(form, terminal.screen()[-2])


def test_it_fits_the_terminal(root, held):
    terminal = on_terminal(root, "--timeout", "2", columns=34)
    assert terminal.end() == 3
    drawn = terminal.drawn()
    assert any(re.match(r"downloading 0 of 1 file, 1\.[45] of…", line) for line in drawn), drawn
    assert all(len(line) <= 33 for line in drawn), drawn


def test_log_lines_take_it_away_first(root, held):
    """A page comes while the line stands there, and -v says something of it."""
    asked = threading.Event()
    answer = page([{**held.entry, "size": len(held.data)}, {"filename": "no-wheel.zip", "url": "x", "hashes": {}}])
    answer.wait = asked
    held.server.add("/simple/large/", answer)
    held.open.set()
    terminal = on_terminal(root, "-v")
    terminal.wait_for(r"resolving 1 requirement, 1 project so far")
    asked.set()
    assert terminal.end() == 0
    lines = terminal.screen()
    assert any("passed over no-wheel.zip" in line for line in lines)
    assert lines[-1] == "" and all(line.startswith("localstack-extensions: ") for line in lines[:-1]), lines


def test_waiting_for_another_download_is_shown(root, held, tmp_path):
    root.env["EXTENSION_CACHE_DIR"] = str(tmp_path / "cache")
    first = on_terminal(root)
    first.wait_for(HALF)
    second = on_terminal(root, "--venv", root.extensions.parent / "other/python_venv")
    second.wait_for(r"\rwaiting for large-1\.0-py3-none-any\.whl, which another sync is downloading\x1b\[K")
    held.open.set()
    assert first.end() == 0 and second.end() == 0


def test_nothing_is_shown_where_nothing_is_done(root, held):
    held.open.set()
    root.sync()
    terminal = on_terminal(root)
    assert terminal.end() == 0 and terminal.raw == ""
    terminal = Terminal().run([root.programs.entrypoint, "--root", root.folder, "true"], root.env)
    assert terminal.end() == 0 and terminal.raw == ""


def test_a_boot_shows_it_too(root, held):
    terminal = Terminal().run([root.programs.entrypoint, "--root", root.folder, "true"], root.env)
    terminal.wait_for(HALF)
    held.open.set()
    assert terminal.end() == 0 and root.installed() == {"large": "1.0"}
    lines = terminal.screen()
    assert lines[-1] == "" and all(re.match("localstack-(entrypoint|extensions): ", line) for line in lines[:-1]), lines


def test_a_boot_that_is_ended_leaves_the_terminal_clean(root, held):
    terminal = Terminal().run([root.programs.entrypoint, "--root", root.folder, "true"], root.env)
    terminal.wait_for(HALF)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert terminal.screen()[-1] == ""
