# SPDX-License-Identifier: Apache-2.0
"""EXTENSION_DEV_RELOAD: a change in a developer's source restarts LocalStack, through a watcher that the entrypoint starts."""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
import types

import pytest

from conftest import LONG, SANITIZED
from fault_server import Answer, FaultServer
from mounts import Mounts
from reloading import APART, PLUGIN, Ending, LocalStack, Reloading, Running, children, declare, install_supervisor, make_source, status_of

AT_ONCE_S = 5
MOST_KIB = 1536  # of its own: how much of the shared libraries is in memory is not for it to say
SYNCED = "the extensions are synced, then LocalStack restarts"


@pytest.fixture
def source(tmp_path):
    return make_source(tmp_path / "ext")


@pytest.fixture
def start(root):
    running = []
    install_supervisor(root)

    def begin(*args, **options):
        running.append(Reloading(root, *args, **options))
        return running[-1]

    yield begin
    for r in running:
        r.stop()


def over(path, text):
    beside = path.with_name(path.name + ".new")
    beside.write_text(text)
    beside.rename(path)


# ---- what is done after a change


def test_edits_restart_localstack_and_sync_nothing(start, source):
    running = start(source)
    plugin = source / "ext/plugin.py"
    plugin.write_text("text = 'new'\n")
    assert "synced" not in running.restarted(str(plugin))
    over(plugin, "text = 'newer'\n")
    assert "synced" not in running.restarted(str(plugin))
    (source / "ext/more.py").write_text("")
    assert "synced" not in running.restarted(str(source / "ext/more.py"))
    (source / "ext/templates").mkdir()
    (source / "ext/templates/page.html").write_text("")
    assert "synced" not in running.restarted(str(source / "ext/templates/page.html"))
    (source / "ext/more.py").unlink()
    assert "synced" not in running.restarted(str(source / "ext/more.py"))
    running.end()


def test_under_an_init_it_is_the_supervisors_too(start, source):
    running = start(source, ENTRYPOINT_MODE="init")
    [supervisor] = children(running.pid)
    [keeper] = children(supervisor)
    ending = Ending(keeper)
    (source / "ext/plugin.py").write_text("text = 'new'\n")
    running.restarted(str(source / "ext/plugin.py"))
    running.end()
    assert ending.wait(AT_ONCE_S)


def test_under_our_own_supervisor_it_is_ours(start, source):
    running = start(source, ENTRYPOINT_MODE="supervise", LOCALSTACK_SUPERVISOR_COMMAND="sh -c 'echo supervisor ready; exec sleep 1000'")
    ending = Ending(running.keeper_beside())
    for text in "12":
        (source / "ext/plugin.py").write_text(f"text = {text}\n")
        running.next(" changed; .*LocalStack restarts$")
        running.next("^supervisor ready$")
    [watcher] = children(running.keeper_beside())
    assert int(status_of(watcher)["SigBlk"], 16) == 0
    os.kill(watcher, signal.SIGKILL)
    assert ending.wait(AT_ONCE_S)
    running.process.send_signal(signal.SIGUSR1)
    running.next("^supervisor ready$")
    assert len(children(running.pid)) == 1  # its end was seen, which no signal tells of
    running.end()


def test_under_our_own_supervisor_another_command_has_none(root, source):
    done = root.boot("--supervise", "sh", "-c", "cat /proc/$PPID/task/$PPID/children; echo $$",
                     env={"EXTENSION_DEV_MODE": "1", "EXTENSION_DEV_RELOAD": "1", "EXTENSION_DEV_SOURCES": source}, wrap=APART)
    assert done.status == 0, done
    there, itself = done.out.split()
    assert there == itself


def test_under_our_own_supervisor_it_ends_with_it(start, source):
    running = start(source, ENTRYPOINT_MODE="supervise", LOCALSTACK_SUPERVISOR_COMMAND="sh -c 'echo supervisor ready; exec sleep 1000'")
    ending = Ending(running.keeper_beside())
    running.end()
    assert ending.wait(AT_ONCE_S)


def test_what_is_to_be_installed_is_synced_before(start, source):
    running = start(source, EXTENSION_LOG_LEVEL="debug")
    declare(source, "markupsafe>=2")
    assert SYNCED in running.restarted(str(source / "pyproject.toml"))
    said = "\n".join(running.said)
    assert re.search(f"{SYNCED}\n(.*\n)*localstack-extensions: debug: syncing: the folder {source} changed\n(.*\n)*restart alone$", said)
    (source / "ext/plugin.py").write_text("text = 'new'\n")
    assert "synced" not in running.restarted(str(source / "ext/plugin.py"))  # the sync took it in
    (source / "second").mkdir()
    (source / "second/__init__.py").write_text("")
    assert SYNCED in running.restarted(str(source / "second/__init__.py"))


def test_a_file_that_the_project_file_leads_to_is_synced_before(start, source):
    head = '[build-system]\nrequires = ["setuptools"]\n[project]\nname = "ext"\nversion = "1.0"\n'
    (source / "pyproject.toml").write_text(head + 'dynamic = ["dependencies"]\n[tool.setuptools.dynamic]\ndependencies = {file = "needs.txt"}\n')
    (source / "needs.txt").write_text("")
    running = start(source, EXTENSION_LOG_LEVEL="debug")
    (source / "needs.txt").write_text("markupsafe>=2\n")
    assert SYNCED in running.restarted(str(source / "needs.txt"))
    assert f"localstack-extensions: debug: syncing: {source}/needs.txt changed" in "\n".join(running.said)


def test_code_that_may_have_entry_points_is_synced_before(start, source):
    (source / "pyproject.toml").write_text('[build-system]\nrequires = ["setuptools", "plux"]\n[project]\nname = "ext"\nversion = "1.0"\n')
    running = start(source, EXTENSION_LOG_LEVEL="debug")
    (source / "ext/plugin.py").write_text("text = 'new'\n")
    assert SYNCED in running.restarted(str(source / "ext/plugin.py"))
    assert f"syncing: code that may have entry points in it changed in {source}" in "\n".join(running.said)
    (source / "ext/page.html").write_text("")
    assert "synced" not in running.restarted(str(source / "ext/page.html"))


def test_a_sync_that_fails_does_not_stop_the_restart(start, source, root):
    running = start(source)
    (root.conf / "extensions.yaml").write_text("no-such-key: 1\n")
    declare(source, "markupsafe>=2")
    running.next(SYNCED)
    running.next("no-such-key")
    running.next("warning: the sync ended with exit status 2, .* LocalStack gets the extensions as they are")
    running.next("^restart alone$")


def test_never_is_never(start, source):
    running = start(source, EXTENSION_SYNC="never")
    declare(source, "markupsafe>=2")
    assert "synced" not in running.restarted(str(source / "pyproject.toml"))


def test_many_files_are_one_change(start, source):
    files = [source / f"ext/m{i:03}.py" for i in range(100)]
    running = start(source)
    for file in files:
        file.write_text("")
    running.restarted(f"{files[0]}, {files[1]}, {files[2]} and 97 more")
    (source / "ext/plugin.py").write_text("text = 'new'\n")
    running.restarted(str(source / "ext/plugin.py"))


def test_several_sources_and_one_that_comes_later(start, tmp_path, root):
    first, second, late = make_source(tmp_path / "first"), make_source(tmp_path / "second"), tmp_path / "late"
    running = start(first, second, late)
    assert f"watching for changes: {first}, {second}, {late}" in "\n".join(running.said)
    (second / "second/plugin.py").write_text("text = 'new'\n")
    running.restarted(str(second / "second/plugin.py"))
    shutil.rmtree(second)
    running.next(f"{second} is gone; it is watched again when it is back")
    make_source(second)
    assert f"{second}," in running.next(" changed; .*LocalStack restarts$")
    running.next("^restart alone$")
    make_source(tmp_path / "made").rename(late)
    running.next(f"{late}, .* changed; .*{SYNCED}$")
    running.next("^restart alone$")
    (late / "made/plugin.py").write_text("text = 'new'\n")
    running.restarted(str(late / "made/plugin.py"))


# ---- where the kernel does not tell


def test_a_share_that_tells_of_nothing(start, tmp_path, programs):
    if os.geteuid() != 0:
        pytest.skip("mounts a file system of its own")
    beneath, share = make_source(tmp_path / "beneath/ext"), tmp_path / "share"
    share.mkdir()
    mounts = Mounts(share)
    try:
        mounts.serve(programs.folder / "tools/volume", beneath.parent)
        running = start(share / "ext", wrap=mounts.prefix, EXTENSION_LOG_LEVEL="debug")
        assert any(f"{share}/ext is looked through each second: its file system" in line for line in running.said)
        (beneath / "ext/plugin.py").write_text("text = 'newer'\n")
        running.restarted(f"{share}/ext/ext/plugin.py")
        over(beneath / "ext/plugin.py", "text = 'the newest'\n")
        running.restarted(f"{share}/ext/ext/plugin.py")
        running.end()
    finally:
        mounts.close()


@pytest.mark.parametrize(("limit", "said"), [("watches=3", "No space left.*max_user_watches"),
                                             ("instances=0", "Too many open files.*max_user_instances")])
def test_watches_that_are_used_up(start, source, tmp_path, limit, said):
    """The limits of a namespace of its own, which has the rights of the user who made it."""
    name, number = limit.split("=")
    inside = ["unshare", "-Ur", "sh", "-c", f"echo {number} >/proc/sys/user/max_inotify_{name} && exec \"$@\"", "sh"]
    if subprocess.run([*inside, "true"], capture_output=True).returncode != 0:
        pytest.skip("has no user namespaces")
    other = make_source(tmp_path / "other")
    running = start(source, other, wrap=inside)
    told = [line for line in running.said if "is looked through each second" in line]
    assert told and all(re.search(said, line) for line in told), running.said
    for folder in (source, other):
        (folder / f"{folder.name}/plugin.py").write_text("text = 'newer'\n")
        running.restarted(str(folder / f"{folder.name}/plugin.py"))


# ---- the watcher as a process


def test_it_is_small_and_has_nothing_of_the_supervisors(root, source, start):
    def odd():
        os.dup2(1, 17)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    env = root.environment({"EXTENSION_DEV_MODE": "1", "EXTENSION_DEV_RELOAD": "1", "EXTENSION_DEV_SOURCES": source,
                            "EXTENSION_AUTO_INSTALL": "markupsafe"})
    running = Running([*APART, root.programs.entrypoint, "--root", root.folder], env, preexec_fn=odd, close_fds=False)
    try:
        for _ in range(2):
            running.next("watching for changes|^supervisor ready$")
        [keeper] = children(running.pid)
        [watcher] = children(keeper)
        fds = {int(n): os.readlink(f"/proc/{watcher}/fd/{n}") for n in os.listdir(f"/proc/{watcher}/fd")}
        assert fds.pop(0) == "/dev/null"
        assert fds.pop(1) == fds.pop(2) == os.readlink(f"/proc/{running.pid}/fd/2")
        assert set(fds.values()) == {"anon_inode:inotify"}
        assert os.listdir(f"/proc/{keeper}/fd") == []
        status, above = status_of(watcher), status_of(running.pid)
        assert status["SigBlk"] == above["SigBlk"] == f"{1 << signal.SIGUSR2 - 1:016x}"
        # Who starts the tests by posix_spawn(3), as make does, leaves the two signals that libc keeps to itself ignored.
        assert int(status["SigIgn"], 16) & ~(3 << 31) == 1 << signal.SIGHUP - 1 | 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1
        assert int(status["SigCgt"], 16) & (1 << signal.SIGTERM - 1 | 1 << signal.SIGINT - 1) == 0
        assert os.getpgid(watcher) == os.getpgid(keeper) == keeper != os.getpgid(running.pid)
        environment = dict(e.split("=", 1) for e in open(f"/proc/{watcher}/environ").read().rstrip("\0").split("\0"))
        assert environment["EXTENSION_AUTO_INSTALL"] == "markupsafe"  # which a sync asks for, and the supervisor is not told
        if not SANITIZED:
            assert int(status["RssAnon"].split()[0]) < MOST_KIB
            assert int(status_of(keeper)["RssAnon"].split()[0]) < MOST_KIB / 5
        running.process.send_signal(signal.SIGUSR1)
        running.next("^restart alone$")
    finally:
        running.stop()


def test_it_dies_with_the_supervisor(start, source):
    running = start(source)
    endings = [Ending(running.keeper()), Ending(running.watcher())]
    running.process.kill()
    assert all(ending.wait(AT_ONCE_S) for ending in endings)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told(start, source, number):
    running = start(source)
    watcher, keeper = running.watcher(), running.keeper()
    ended = Ending(watcher)
    os.kill(watcher, number)
    assert ended.wait(AT_ONCE_S)
    assert Ending(keeper).wait(AT_ONCE_S)
    running.end()


@pytest.fixture
def held():
    """A requirements file of which a sync waits for the end."""
    asked, go = threading.Event(), threading.Event()

    def answer(_request):
        asked.set()
        return Answer(body=b"no such requirement\n", wait=go)

    with FaultServer() as server:
        server.add("/held.txt", answer)
        yield types.SimpleNamespace(line=f"-r {server.url}/held.txt\n", asked=asked, go=go)
        go.set()


def test_it_ends_while_a_sync_runs(start, source, root, held):
    """And the sync with it."""
    running = start(source)
    (root.conf / "extensions.txt").write_text(held.line)
    declare(source, "markupsafe>=2")
    running.next(SYNCED)
    assert held.asked.wait(LONG)
    watcher = running.watcher()
    [sync] = children(watcher)
    endings = [Ending(watcher), Ending(sync)]
    os.kill(watcher, signal.SIGTERM)
    assert all(ending.wait(AT_ONCE_S) for ending in endings)
    running.end()


def test_a_supervisor_that_is_not_ready_is_not_ended(start, source, tmp_path):
    """USR1 ends who has no handler yet."""
    waits = tmp_path / "waits"
    os.mkfifo(waits)
    running = start(source, ready=False, SUPERVISOR_WAITS=str(waits))
    (source / "ext/plugin.py").write_text("text = 'new'\n")
    running.next("changed; LocalStack restarts$")
    assert not Ending(running.pid).wait(1)
    os.close(os.open(waits, os.O_WRONLY | os.O_NONBLOCK))  # ENXIO: nobody waits any more
    running.next("^restart alone$")


def test_a_change_while_a_sync_runs(start, source, root, held):
    """It is not forgotten, and LocalStack is left alone until the sync has ended."""
    running = start(source)
    (root.conf / "extensions.txt").write_text(held.line)
    declare(source, "markupsafe>=2")
    running.next(SYNCED)
    assert held.asked.wait(LONG)
    (source / "ext/plugin.py").write_text("text = 'new'\n")
    held.go.set()
    running.next(r"no such requirement.* is set aside")
    running.next("^restart alone$")
    assert running.said.count("restart alone") == 1
    running.restarted(str(source / "ext/plugin.py"))


# ---- when there is one


@pytest.mark.parametrize("off", [{"EXTENSION_DEV_RELOAD": "0"}, {"EXTENSION_DEV_MODE": "0"}, {"EXTENSION_DEV_SOURCES": ""}])
def test_without_reload_there_is_none(start, source, off):
    running = start(**{"EXTENSION_DEV_SOURCES": str(source), **off}, watched=False)
    assert children(running.pid) == []


def test_another_command_has_none(root, source):
    done = root.boot("sh", "-c", "cat /proc/$$/task/$$/children", wrap=APART, env={
        "EXTENSION_DEV_MODE": "1", "EXTENSION_DEV_RELOAD": "1", "EXTENSION_DEV_SOURCES": source})
    assert done.status == 0 and len(done.out.split()) == 1, done  # cat


def test_the_program_is_missing(start, source, root, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(root.programs.entrypoint, alone)
    env = root.environment({"EXTENSION_DEV_MODE": "1", "EXTENSION_DEV_RELOAD": "1", "EXTENSION_DEV_SOURCES": source,
                            "EXTENSION_SYNC": "never"})
    running = Running([*APART, alone / "localstack-entrypoint", "--root", root.folder], env)
    try:
        running.next("cannot run localstack-extensions: No such file or directory; LocalStack is not restarted when a source changes")
        running.next("^supervisor ready$|warning") if "supervisor ready" not in running.said else None
    finally:
        running.stop()


# ---- by hand


def test_by_hand_it_says_what_it_can_do(root):
    done = root.run("watch")
    assert done.status == 2 and "by hand it can only say what changes, with --no-restart" in done.err, done
    done = root.run("watch", "--no-restart")
    assert done.status == 2 and "there is no source to watch: set EXTENSION_DEV_MODE=1" in done.err, done
    done = root.run("sync", "--no-restart")
    assert done.status == 2 and "only `watch` has the options" in done.err, done
    done = root.run("watch", "--supervisor", "zero")
    assert done.status == 2 and "--supervisor wants the number of a process" in done.err, done


def test_somebody_elses_process_is_not_signalled(root, source):
    """For which it is not enough to be named."""
    with subprocess.Popen(["sleep", "1000"]) as other:
        done = root.run("watch", "--supervisor", other.pid, env={"EXTENSION_DEV_MODE": "1", "EXTENSION_DEV_SOURCES": source})
        assert (done.status, done.err) == (0, "")
        assert other.poll() is None
        other.kill()


def test_by_hand_it_restarts_nothing(root, source):
    env = root.environment({"EXTENSION_DEV_MODE": "1", "EXTENSION_DEV_SOURCES": source})
    running = Running([*APART, *root.command("watch", "--no-restart")], env)
    try:
        running.next("watching for changes")
        (source / "ext/plugin.py").write_text("text = 'new'\n")
        running.next(r"plugin.py changed; the extensions are synced, then LocalStack has to be restarted \(`kill -USR1 1`")
        (source / "ext/plugin.py").write_text("text = 'newer'\n")
        running.next(r"plugin.py changed; LocalStack has to be restarted")
        began = time.monotonic()
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(AT_ONCE_S) == -signal.SIGINT and time.monotonic() - began < AT_ONCE_S
    finally:
        running.stop()


# ---- LocalStack itself

@pytest.mark.once
def test_localstack_runs_what_was_edited(localstack_root, tmp_path):
    """Twice: its supervisor has to survive the first."""
    source = make_source(tmp_path / "ext")
    plugin = source / "ext/plugin.py"
    with open(source / "pyproject.toml", "a") as file:
        file.write('[project.entry-points."localstack.hooks.on_infra_start"]\nsay = "ext.plugin:say"\n')
    plugin.write_text(PLUGIN.format("old"))
    running = LocalStack(localstack_root, source)
    try:
        running.next("watching for changes")
        running.says("old")
        # Of another size each: Python takes what it compiled for current where size and second are the same.
        for word in ("newer", "newest"):
            plugin.write_text(PLUGIN.format(word))
            running.next("plugin.py changed; LocalStack restarts$")
            running.says(word)
        ended = Ending(running.watcher())
        running.end()
        assert ended.wait(AT_ONCE_S)
    finally:
        running.stop()
