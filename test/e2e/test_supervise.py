# SPDX-License-Identifier: Apache-2.0
"""localstack-entrypoint --supervise. The first part runs the same on LocalStack's own supervisor and compares."""

import itertools
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inits import TOOL, Shell, settled, state, until
from reloading import Ending, children, status_of
from supervisors import WAITING, Supervised
from test_entry import LONG, SANITIZED, STATUS, World
from test_init import EVERY, POISON, WITHOUT

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="makes PID namespaces")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def begin():
    started = []

    def begin(*args, **more):
        started.append(Supervised(*args, **more))
        return started[-1]

    yield begin
    for it in started:
        it.close()


@pytest.fixture
def ours(world, begin):
    return lambda *command, options=("--supervise",), **env: begin(world, world.argv(*options, *command), **env)


@pytest.fixture
def theirs(world, begin, localstack_base):
    script = localstack_base / "opt/code/localstack/.venv/bin/localstack-supervisor"
    return lambda **env: begin(world, [world.base / "bin/python3", script], **env)


# ---- what both do


def term(s):
    s.ready()
    s.kill(signal.SIGTERM)
    s.end()


def interrupt(s):
    s.ready()
    s.kill(signal.SIGINT)
    s.end()


def restart_twice(s):
    for _ in range(2):
        s.ready()
        s.kill(signal.SIGUSR1)
        s.next("term")
    term(s)


def hangup(s):
    s.ready()
    s.kill(signal.SIGHUP)
    s.kill(signal.SIGUSR1)
    s.next("term")
    term(s)


def killed(s):
    s.ready()
    os.kill(s.child, signal.SIGKILL)
    s.end()


def ends(s):
    s.end()


def restart_then_ends(s):
    s.ready()
    s.kill(signal.SIGUSR1)
    s.next("term")
    s.ready()
    os.kill(s.child, signal.SIGSEGV)
    s.end()


def restart_of_a_stubborn_one(s):
    for _ in range(2):
        s.ready()
        s.kill(signal.SIGUSR1)
        s.next("term")
    s.ready()
    os.kill(s.child, signal.SIGKILL)
    s.end()


SCENARIOS = {
    "TERM": (term, {}),
    "TERM, of which it dies": (term, {"ON_TERM": "die"}),
    "TERM, to which it answers with a status": (term, {"ON_TERM": "7"}),
    "INT": (interrupt, {}),
    "USR1 twice": (restart_twice, {}),
    "USR1, then an end of its own": (restart_then_ends, {}),
    "HUP": (hangup, {}),
    "killed": (killed, {}),
    "an end of its own": (ends, {"OWN": "os._exit(0)"}),
    "a failure of its own": (ends, {"OWN": "os._exit(13)"}),
    "the largest status": (ends, {"OWN": "os._exit(255)"}),
    "an abort": (ends, {"OWN": "os.abort()"}),
    "SHUTDOWN_TIMEOUT has passed": (term, {"ON_TERM": "ignore", "SHUTDOWN_TIMEOUT": "1"}),
    "SHUTDOWN_TIMEOUT has passed at USR1": (restart_of_a_stubborn_one, {"ON_TERM": "ignore", "SHUTDOWN_TIMEOUT": " 1 "}),
    "the default command": (ends, {"LOCALSTACK_SUPERVISOR_COMMAND": None}),
    "an empty command": (ends, {"LOCALSTACK_SUPERVISOR_COMMAND": ""}),
    "words": (ends, {"LOCALSTACK_SUPERVISOR_COMMAND": r"""sh -c 'echo "ready|$0|$1|$2|$3|$4|"; echo on stderr >&2' a\ b "c 'd'" e""f '' $HOME"""}),
}


@pytest.mark.parametrize("name,debug", [*((name, debug) for name in SCENARIOS for debug in (None, "1")), ("TERM", "TRUE"), ("TERM", "yes")])
def test_side_by_side(world, ours, theirs, figures, name, debug):
    scenario, env = SCENARIOS[name]
    (world.base / world.site / "localstack/runtime/main.py").write_text(
        "import os, sys\nprint('main', sys.argv[1:], sys.executable, sys.flags.interactive, os.environ['SUPERVISOR_PID'])\nsys.exit(6)\n")
    said = []
    for begin in (theirs, ours):
        supervised = begin(DEBUG=debug, **env)
        began = time.monotonic()
        scenario(supervised)
        if "SHUTDOWN_TIMEOUT" in env:
            assert 1 <= time.monotonic() - began < 6
        # Theirs takes the status of one that it has asked to end for 0, and says so; ours says what it was.
        said.append([re.sub(r"(?<=exit code )-?\d+", "N", line) for line in supervised.said])
    figures(f"{name}: LocalStack's supervisor | ours")
    width = max(len(line) for line in said[0])
    for one, other in itertools.zip_longest(*said, fillvalue=""):
        figures(f"    {one:{width}} | {other}")
    # Which of two processes speaks first is nobody's.
    by_whom = [sorted(lines, key=lambda line: line.startswith("LocalStack supervisor: ")) for lines in said]
    assert by_whom[0] == by_whom[1]
    assert any("LocalStack supervisor: " in line for line in said[0]) == (debug in ("1", "TRUE"))


# ---- where theirs hangs or loses something, and ours does not


def test_term_during_a_restart(ours, theirs):
    for begin, again in ((theirs, True), (ours, False)):
        s = begin(ON_TERM="twice")
        s.ready()
        s.kill(signal.SIGUSR1)
        s.next("term")
        s.kill(signal.SIGTERM)
        s.next("term")
        if again:
            s.ready()
        else:
            s.end()
            assert s.said[-1] == "status 0"


def test_usr1_after_term(ours, theirs):
    for begin, again in ((theirs, True), (ours, False)):
        s = begin(ON_TERM="twice")
        s.ready()
        s.kill(signal.SIGTERM)
        s.next("term")
        s.kill(signal.SIGUSR1)
        s.next("term")
        if again:
            s.ready()
        else:
            s.end()
            assert s.said[-1] == "status 0"


LEAVES = """
if os.fork() == 0:
    pid = os.fork()
    if pid:
        say(f"orphan {pid}")
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.close(1), os.close(2)
    if os.environ.get("ENDS"): os._exit(0)
    while True: signal.pause()
os.wait()
say("left")
"""


def test_an_orphan_that_ends_is_reaped(ours, theirs):
    for begin, reaped in ((theirs, False), (ours, True)):
        s = begin(OWN=LEAVES, ENDS="1")
        s.next("left")
        until(lambda: all(state(pid) in ("Z", "") for pid in children(s.pid)[1:]), "the orphan does not end")
        settled(s.pid)
        assert (len(children(s.pid)) == 1) == reaped


@pytest.mark.parametrize("how", ["TERM", "an end", "USR1"])
def test_an_orphan_that_lives_on_is_not_waited_for(ours, theirs, how):
    for begin, waits in ((theirs, True), (ours, False)):
        s = begin(OWN=LEAVES)
        s.next("left")
        until(lambda: len(children(s.pid)) == 2, "there is no orphan")
        child, orphan = children(s.pid)
        gone = Ending(child)
        if how == "an end":
            os.kill(child, signal.SIGKILL)
        else:
            s.kill(signal.SIGTERM if how == "TERM" else signal.SIGUSR1)
        assert gone.wait()
        if waits:
            until(lambda: state(child) == "", "it is not reaped")
            settled(s.pid)
            assert children(s.pid) == [orphan]
        elif how == "USR1":
            s.next("left")
        else:
            s.end()
            assert s.said[-1] == ("status 247" if how == "an end" else "status 0")


# ---- ours alone


def test_it_need_not_be_the_first_process(ours):
    s = ours(wrap=(), ON_TERM="7")
    s.ready()
    assert s.said[0] == f"ready N {s.pid}"
    s.kill(signal.SIGUSR1)
    s.next("term")
    s.ready()
    s.kill(signal.SIGTERM)
    s.end()
    assert s.said[-1] == "status 0"


@pytest.mark.parametrize("first", [True, False])
def test_every_other_signal_is_dropped(ours, first):
    s = ours(TOOL, "report", **({} if first else {"wrap": ()}))
    s.next("ready")
    for number in EVERY:
        if number not in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
            s.kill(number)
    settled(s.pid)
    s.kill(signal.SIGTERM)
    assert s.next("signal") == f"signal {signal.SIGTERM:d}"
    os.kill(s.child, signal.SIGKILL)
    s.end()
    assert s.said[-1] == "status 0"


def waits_for_ever(s):
    """In a call of rt_sigtimedwait without a time."""
    settled(s.pid)
    assert Path(f"/proc/{s.pid}/syscall").read_text().split()[:4:3] == [WAITING[1], "0x0"]


def test_the_timeout_of_one_that_has_ended_is_not_the_nexts(ours):
    s = ours()
    s.ready()
    s.kill(signal.SIGUSR1)
    s.next("term")
    s.ready()
    waits_for_ever(s)


def test_a_timeout_of_none(ours):
    """As theirs: 0 is for ever."""
    s = ours(ON_TERM="ignore", SHUTDOWN_TIMEOUT="0")
    s.ready()
    s.kill(signal.SIGTERM)
    s.next("term")
    waits_for_ever(s)
    os.kill(s.child, signal.SIGKILL)
    s.end()
    assert s.said[-1] == "status 0"


def test_a_timeout_that_is_no_number(ours):
    s = ours(SHUTDOWN_TIMEOUT="5m")
    term(s)
    err = s.process.stderr.read().decode()
    assert "SHUTDOWN_TIMEOUT has to be a number of seconds" in err and '"5m"' in err and s.said[-1] == "status 0"


@pytest.mark.parametrize("command,status,says", [
    ("sh -c 'exit 3", 2, "LOCALSTACK_SUPERVISOR_COMMAND cannot be split into words: a quote (') is not closed"),
    ("sh \\", 2, "it ends with a backslash"), ("no-such-program", 127, "no-such-program: there is no such program on PATH")])
def test_commands_that_cannot_be_run(ours, command, status, says):
    s = ours(LOCALSTACK_SUPERVISOR_COMMAND=command)
    s.end()
    assert s.said == [f"status {status}"] and says in s.process.stderr.read().decode()


@pytest.mark.skipif(SANITIZED, reason="the sanitizers need processes of their own")
def test_no_process_to_be_had(world, begin):
    clone = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    s = begin(world, [sys.executable, WITHOUT, clone, "EAGAIN", *world.argv("--supervise")], wrap=())
    s.end()
    assert s.said == ["status 126"] and "cannot start a process for LocalStack" in s.process.stderr.read().decode()


def test_a_command_is_the_child(ours):
    s = ours("sh", "-c", "echo $PPID $SUPERVISOR_PID $EXTENSION_AUTO_INSTALL; exit 4", EXTENSION_AUTO_INSTALL="foo", EXTENSION_SYNC="never")
    s.end()
    assert s.said == ["1 1 foo", "status 4"]


def test_auto_install_is_hidden_from_localstack(ours):
    s = ours(LOCALSTACK_SUPERVISOR_COMMAND="env", LOCALSTACK_EXTENSION_AUTO_INSTALL="foo", EXTENSION_SYNC="never")
    s.end()
    assert s.said[-1] == "status 0" and "SUPERVISOR_PID=1" in s.said and not [line for line in s.said if "AUTO_INSTALL" in line]


def test_who_says_so(world, ours):
    for options, env in (([], {"ENTRYPOINT_MODE": "supervise"}), (["--supervise"], {"ENTRYPOINT_MODE": "init"})):
        s = ours("sh", "-c", "echo $SUPERVISOR_PID", options=options, **env)
        s.end()
        assert s.said == ["1", "status 0"]
    done = world.run("--init", "--supervise", "true")
    assert done.returncode == 2 and "--init and --supervise do not go together" in done.err


@pytest.mark.parametrize("before", [[], POISON], ids=["as they are", "odd"])
def test_mask_dispositions_and_descriptors(world, ours, before):
    for look in (["cat", "/proc/self/status"], ["ls", "-l", "/proc/self/fd"]):
        process = subprocess.run([*before, *world.argv("--supervise", *look)], env=world.env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=LONG, restore_signals=False)
        direct = subprocess.run([*before, *look], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=world.env, text=True, timeout=LONG, restore_signals=False).stdout

        def facts(out):
            if look[0] == "cat":
                return [m.group(0) for m in STATUS.finditer(out)]
            return sorted(line.split()[-3] for line in out.splitlines() if "->" in line)

        assert facts(process.stdout) and facts(process.stdout) == facts(direct), process.stderr


def test_orphans_are_not_its_own_where_it_is_not_the_first_process(ours):
    """As with theirs."""
    s = ours(wrap=(), OWN=LEAVES)
    orphan = int(s.next("orphan").split()[1])
    s.next("left")
    assert children(s.pid) == [s.child]
    os.kill(orphan, signal.SIGKILL)


# ---- at a terminal


@pytest.fixture
def shell(world):
    started = []

    def start(*command, **more):
        started.append(Shell(world, *command, option="--supervise", **more))
        return started[-1]

    yield start
    for it in started:
        it.close()


def test_at_a_terminal(shell):
    """One job: the child reads there, Ctrl-Z stops both, and Ctrl-C goes to both."""
    at = shell(TOOL, "terminal")
    at.start()
    pid, parent, group, session, foreground = at.lines.ready()
    assert parent == group == foreground == at.job
    at.terminal.type("hello\n")
    assert at.lines.next() == "read hello"
    at.terminal.type("\x1a")
    assert at.ask("wait") == f"stopped {signal.SIGTSTP:d} terminal job"
    at.tell("fg")
    assert at.lines.next() == "signal 18"
    at.terminal.type("hello\n")
    assert at.lines.next() == "read hello"
    at.terminal.type("\x03")
    assert at.ask("wait") == "ended 0 terminal job"


# ---- words


def test_words_are_pythons(world, begin):
    seed = int(os.environ.get("SEED") or 0)
    chance = random.Random(seed)
    letters = ["a", "b", "ü", "'", '"', "\\", " ", "\t", "\n", "\r", "\v", "#", "$", "&", ";", "*"]
    for _ in range(int(os.environ.get("CASES") or 300)):
        text = "".join(chance.choice(letters) for _ in range(chance.randrange(1, 14)))
        try:
            wanted = shlex.split(text)
        except ValueError:
            wanted = None
        done = subprocess.run(world.argv("--supervise"), env={**world.env, "LOCALSTACK_SUPERVISOR_COMMAND": f"{TOOL} args {text}"},
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=LONG)
        assert done.returncode == (2 if wanted is None else 0), (seed, text, done.stderr)
        assert wanted is None or done.stdout == "".join(word + "\0" for word in wanted).encode(), (seed, text)


# ---- what it costs


@pytest.mark.skipif(SANITIZED, reason="the static program's")
def test_memory(ours, figures):
    s = ours()
    sizes = []
    for _ in range(20):
        s.ready()
        sizes.append(int(status_of(s.pid)["VmRSS"].split()[0]))
        s.kill(signal.SIGUSR1)
        s.next("term")
    assert sizes[-1] < 2048 and len(set(sizes[1:])) == 1, sizes
    figures(f"--supervise: {sizes[-1]} kB resident")


@pytest.mark.skipif(SANITIZED or not shutil.which("strace"), reason="needs strace and the static program")
def test_system_calls_of_the_loop(world, begin):
    log = world.tmp / "strace"
    s = begin(world, ["strace", "-o", log, *world.argv("--supervise")], wrap=())
    s.next("ready")
    supervisor = s.said[0].split()[-1]
    os.kill(int(supervisor), signal.SIGUSR1)
    s.next("ready")
    os.kill(int(supervisor), signal.SIGTERM)
    s.end()
    assert s.said[-1] == "status 0"
    calls = log.read_text().splitlines()
    first = next(i for i, line in enumerate(calls) if re.match(r"(clone|fork|vfork)", line))
    loop = [line for line in calls[first + 1:] if not line.startswith(("---", "+++"))]
    assert {re.split(r"\(", line)[0] for line in loop} <= {"waitid", "rt_sigtimedwait", "kill", "clone", "exit_group", "set_robust_list"}, loop
    assert all(re.match(r"kill\([1-9]\d*, SIGTERM\)", line) for line in loop if line.startswith("kill("))
