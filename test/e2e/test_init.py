# SPDX-License-Identifier: Apache-2.0
"""localstack-entrypoint --init: what a command gets from it, and the world from the command; as the first process of a
PID namespace, and as any other."""

import inspect
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import pytest

from inits import TOOL, Init, Pty, Shell, settled, state, until
from reloading import Ending, children, status_of
from test_entry import LONG, SANITIZED, STATUS, Fifo, World, poison

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="makes PID namespaces")

WITHOUT = str(pathlib.Path(__file__).with_name("without_syscall.py"))
EVERY = [n for n in range(1, 65) if n not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD)]


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture(params=[True, False], ids=["first", "other"])
def first(request):
    return request.param


@pytest.fixture
def start(world, first):
    started = []

    def start(*command, **more):
        started.append(Init(world, *command, **{"first": first, **more}))
        return started[-1]

    yield start
    for init in started:
        init.close()


@pytest.fixture
def shell(world):
    started = []

    def start(*command, **more):
        started.append(Shell(world, *command, **more))
        return started[-1]

    yield start
    for it in started:
        it.close()


def run(start, *command, **more):
    init = start(*command, **more)
    out, err = init.process.communicate(timeout=LONG)
    return init.process.returncode, out.decode(), err.decode()


# ---- how it ends


@pytest.mark.parametrize("script,status", [
    ("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -KILL $$", 137), ("kill -TERM $$", 143), ("kill -SEGV $$", 139),
    ("kill -RTMIN $$", 128 + signal.SIGRTMIN)])
def test_the_status_is_the_commands(start, script, status):
    assert run(start, "bash", "-c", script)[0] == status


def test_commands_that_cannot_be_run(world, start):
    status, _, err = run(start, "no-such-program")
    assert status == 127 and "no-such-program: there is no such program on PATH" in err
    (world.tmp / "data").write_text("x")
    status, _, err = run(start, world.tmp / "data")
    assert status == 126 and "Permission denied" in err


def test_the_default_is_the_supervisor(world, start):
    world.supervisor("echo $0 $PPID $EXTENSION_AUTO_INSTALL; exit 7")
    init = start(env={"EXTENSION_AUTO_INSTALL": ""})
    name, parent = init.lines.next().split()
    assert name == f"{world.base}/bin/localstack-supervisor" and (parent == "1" or not init.first)
    assert init.end() == 7


@pytest.mark.skipif(SANITIZED, reason="the sanitizers need processes of their own")
def test_no_process_to_be_had(world, start):
    """Where a limit of the container leaves none."""
    clone = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    init = start("true", wrap=[sys.executable, WITHOUT, str(clone), "EAGAIN"])
    _, err = init.process.communicate(timeout=LONG)
    assert init.process.returncode == 126 and "cannot start a process for the command" in err.decode()


@pytest.mark.parametrize("option,settings,is_init", [
    (["--init"], {"ENTRYPOINT_MODE": "exec"}, True), (["--init"], {}, True), ([], {"ENTRYPOINT_MODE": "init"}, True),
    ([], {"LOCALSTACK_ENTRYPOINT_MODE": "init"}, True), ([], {"ENTRYPOINT_MODE": "exec"}, False), ([], {}, False)])
def test_who_says_so(world, option, settings, is_init):
    process = world.start(*option, "sh", "-c", "echo $PPID", env=settings)
    out, err = process.communicate(timeout=LONG)
    assert (int(out) == process.pid) == is_init and err == ""


def test_the_file_says_so(world):
    (world.conf / "extensions.yaml").write_text("entrypoint:\n  mode: init\n")
    process = world.start("sh", "-c", "echo $PPID", env={"EXTENSION_SYNC": "never"})
    assert int(process.communicate(timeout=LONG)[0]) == process.pid


# ---- signals


@pytest.mark.parametrize("how", ["report", "group"])
def test_every_signal_reaches_the_group(start, how):
    """Those of a fault, of libc and of job control too; nothing ends the init, or stops it."""
    init = start(TOOL, how)
    init.lines.ready()
    who = ["signal", "also"] if how == "group" else ["signal"]
    for number in EVERY:
        init.kill(number)
        assert sorted(init.lines.next() for _ in who) == sorted(f"{word} {number}" for word in who)
    os.kill(init.child, signal.SIGKILL)
    assert init.end() == 137


def test_localstacks_supervisor_hands_on_itself(world, start):
    """LocalStack, in its group, would die of a USR1, and get each TERM twice. To stop and to continue are for both."""
    world.supervisor(f"exec {TOOL} group")
    for command in ([], ["localstack-supervisor"], [world.base / "bin/localstack-supervisor"]):
        init = start(*command)
        init.lines.ready()
        for number in (signal.SIGUSR1, signal.SIGTERM):
            init.kill(number)
            assert init.lines.next() == f"signal {number:d}"
        for number in (signal.SIGTSTP, signal.SIGCONT):
            init.kill(number)
            assert sorted(init.lines.next() for _ in "12") == [f"also {number:d}", f"signal {number:d}"]
        os.kill(init.child, signal.SIGKILL)
        assert init.end() == 137


@pytest.mark.skipif(SANITIZED or not shutil.which("strace"), reason="needs strace and the static program")
@pytest.mark.parametrize("option", ["--init", "--supervise"])
def test_a_signal_right_after_the_fork(world, option):
    """The child takes it, before it is the command."""
    call = {"--init": "setpgid", "--supervise": "dup2,dup3"}[option]
    done = subprocess.run(["strace", "-f", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGTERM:when=1",
                           *world.argv(option, "echo", "up")], env=world.env, capture_output=True, timeout=LONG,
                          stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (143, b"")


def test_none_of_many_real_time_signals_is_lost(start):
    init = start(TOOL, "report")
    init.lines.ready()
    os.kill(init.pid, signal.SIGSTOP)  # from outside, so that they wait
    until(lambda: state(init.pid) == "T", "it is not stopped")
    numbers = [signal.SIGRTMIN + 5, signal.SIGRTMIN + 2, signal.SIGRTMIN + 5, signal.SIGRTMAX, signal.SIGRTMIN + 2] * 20
    for number in numbers:
        init.kill(number)
    init.kill(signal.SIGCONT)
    came = [init.lines.next() for _ in range(len(numbers) + 1)]
    assert sorted(came) == sorted([f"signal {n:d}" for n in numbers] + [f"signal {signal.SIGCONT:d}"])
    os.kill(init.child, signal.SIGKILL)
    assert init.end() == 137


def test_a_command_that_left_its_group(start):
    init = start(TOOL, "moved")
    pid, _, group, *_ = init.lines.ready()
    assert group != pid
    init.kill(signal.SIGUSR1)
    assert sorted(init.lines.next() for _ in "12") == ["also 10", "signal 10"]
    os.kill(init.child, signal.SIGKILL)
    assert init.end() == 137


def test_a_command_that_ignores_term(start):
    init = start("sh", "-c", "trap '' TERM; trap 'exit 3' USR1; echo up; while :; do sleep 1000 & wait; done")
    assert init.lines.next() == "up"
    init.kill(signal.SIGTERM)
    settled(init.pid)
    init.kill(signal.SIGUSR1)
    assert init.end() == 3


def test_signals_from_before_the_command_are_not_its_own(world, start):
    sent = [signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGWINCH, signal.SIGQUIT, signal.SIGRTMIN + 1]
    world.hook_runner("import os\nfor n in %r: os.kill(os.getppid(), n)" % [int(n) for n in sent])
    init = start(TOOL, "report")
    init.lines.ready()
    init.kill(signal.SIGALRM)
    assert init.lines.next() == f"signal {signal.SIGALRM:d}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_term_and_int_end_the_boot_before_it(world, start, number):
    world.hook_runner(f"import os\nos.kill(os.getppid(), {number:d})")
    assert run(start, "echo", "up")[:2] == (128 + number, "")


# ---- what the command gets


# unshare sees to SIGCHLD itself.
POISON = [sys.executable, "-c", f"import os, signal, sys\n{inspect.getsource(poison)}\npoison()\nos.execvp(sys.argv[1], sys.argv[1:])"]


@pytest.mark.parametrize("before", [[], POISON], ids=["as they are", "odd"])
def test_mask_and_dispositions(world, start, before):
    for look in (["cat", "/proc/self/status"], ["ls", "-l", "/proc/self/fd"]):
        ours = run(start, *look, wrap=before, restore_signals=False)[1]
        direct = subprocess.run([*before, *look], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=world.env, text=True, timeout=LONG, restore_signals=False).stdout

        def facts(out):
            if look[0] == "cat":
                return [m.group(0) for m in STATUS.finditer(out)]
            return sorted(line.split()[-3] for line in out.splitlines() if "->" in line)

        assert facts(ours) and facts(ours) == facts(direct)


def test_sigchld_ignored_by_the_parent_loses_no_end(start):
    init = start("sh", "-c", "exit 9", wrap=POISON)
    assert init.end() == 9


@pytest.mark.parametrize("closed", [[0], [1], [0, 1, 2], [2]])
def test_closed_descriptors_stay_closed(world, start, closed):
    def close():
        for fd in closed:
            os.close(fd)

    look = f"ls /proc/self/fd > {world.tmp}/fds"
    assert start("sh", "-c", look, preexec_fn=close).end() == 0
    ours = (world.tmp / "fds").read_text()
    subprocess.run(["sh", "-c", look], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                   preexec_fn=close, timeout=LONG)
    assert ours == (world.tmp / "fds").read_text()


def test_no_subreaper_and_no_death_signal(start):
    look = ("import ctypes; a, b = ctypes.c_int(9), ctypes.c_int(9); p = ctypes.CDLL(None).prctl;"
            "p(37, ctypes.byref(a), 0, 0, 0); p(2, ctypes.byref(b), 0, 0, 0); print(a.value, b.value)")
    assert run(start, sys.executable, "-c", look)[1] == "0 0\n"
    assert run(start, sys.executable, "-c", look, options=())[1].startswith("0 ")


def test_a_group_of_its_own_in_the_same_session(start):
    init = start(TOOL, "report")
    pid, parent, group, session, foreground = init.lines.ready()
    assert pid == group and foreground == -1
    assert os.getsid(init.child) == os.getsid(init.pid) and os.getpgid(init.child) == init.child != os.getpgid(init.pid)


# ---- orphans


def test_orphans_are_reaped(start):
    init = start(TOOL, "orphan", stdin=subprocess.PIPE)
    word, _ = init.lines.next().split()
    assert word == "orphan"
    init.lines.ready()
    [orphan] = [pid for pid in children(init.pid) if pid != init.child]
    gone = Ending(orphan)
    init.process.stdin.write(b"x")
    init.process.stdin.flush()
    assert gone.wait()
    until(lambda: state(orphan) == "", "it is not reaped")
    os.kill(init.child, signal.SIGKILL)
    assert init.end() == 137


# Leaves an orphan, waits until it is gone from /proc, or fails.
LEAVES_ORPHAN = """
import os, sys, time
r, w = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.write(w, str(os.getpid()).encode())
    os._exit(0)
os.wait()
orphan, end = os.read(r, 99).decode(), time.monotonic() + 20
while os.path.exists('/proc/' + orphan):
    os.sched_yield()
    if time.monotonic() > end: sys.exit('not reaped')
"""


@pytest.mark.parametrize("options", [["--init"], []])
@pytest.mark.parametrize("where", ["hooks", "reconciler"])
def test_orphans_are_reaped_from_the_first_child_on(world, start, where, options, first):
    if not options and not first:
        pytest.skip("they are another's")
    if where == "hooks":
        world.hook_runner(LEAVES_ORPHAN)
    else:
        (world.conf / "extensions.txt").write_text("x\n")
        (world.tmp / "leave").write_text(LEAVES_ORPHAN)
        world.reconcile(f"{sys.executable} {world.tmp}/leave")
    status, out, err = run(start, "echo", "up", options=options, env={"EXTENSION_ON_ERROR": "abort"})
    assert (status, out) == (0, "up\n"), err


def test_what_ended_with_a_child_of_the_boot_is_reaped_before_the_command(world, start, first):
    """An orphan that had ended when the hooks ended is not the command's to reap."""
    if not first:
        pytest.skip("it is another's")
    # The init is stopped (which only the outside can) until all have ended.
    go = world.tmp / "go"
    os.mkfifo(go)
    holding = os.open(go, os.O_RDWR)
    world.hook_runner(
        "import os\n"
        "if os.fork() == 0:\n"
        "    if os.fork() != 0:\n"
        "        os._exit(0)\n"
        "else:\n"
        "    os.wait()\n"
        f"os.read(os.open({str(go)!r}, os.O_RDONLY), 1)\n")
    init = start("sh", "-c", "cat /proc/[0-9]*/stat", options=())
    until(lambda: children(init.process.pid) and len(children(init.pid)) == 2, "no orphan")
    there = children(init.pid)
    init.kill(signal.SIGSTOP)
    until(lambda: state(init.pid) == "T", "it is not stopped")
    endings = [Ending(pid) for pid in there]
    os.write(holding, b"12")
    assert all(ending.wait() for ending in endings)
    os.close(holding)
    init.kill(signal.SIGCONT)
    out, err = init.process.communicate(timeout=LONG)
    assert init.process.returncode == 0, err
    assert not [line for line in out.decode().splitlines() if line.split(") ")[1][0] == "Z"], out


def test_grandchildren_that_outlive_the_command(world, start, first):
    """The init ends with the command. Where it was the first process the kernel ends the others."""
    held, go = Fifo(world.tmp / "held"), world.tmp / "go"
    os.mkfifo(go)
    init = start("sh", "-c", f"(exec 9> {held.path}; trap '' TERM HUP; echo up >&9; read x < {go}) & exit 5",
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert init.end() == 5
    if not first:
        assert held.read() == "up\n"
        go.write_text("\n")
        held.wait_for_end()


# ---- stop and continue, where there is no terminal


def test_a_stopped_command_is_continued_by_cont_to_the_init(start):
    init = start(TOOL, "terminal", stdin=subprocess.PIPE)
    init.lines.ready()
    os.kill(init.child, signal.SIGSTOP)
    until(lambda: state(init.child) == "T", "it is not stopped")
    settled(init.pid)
    init.kill(signal.SIGCONT)
    assert init.lines.next() == f"signal {signal.SIGCONT:d}"


def test_a_stop_that_was_asked_for_lasts(start):
    init = start(TOOL, "terminal", stdin=subprocess.PIPE)
    init.lines.ready()
    init.kill(signal.SIGTSTP)
    if not init.first:  # the kernel stops no orphaned group so
        os.kill(init.child, signal.SIGSTOP)
    until(lambda: state(init.child) == "T", "it is not stopped")
    settled(init.pid)
    assert state(init.child) == "T"
    init.kill(signal.SIGCONT)
    assert init.lines.next() == f"signal {signal.SIGCONT:d}"


def test_one_that_was_continued_is_not_again(start):
    init = start(TOOL, "report")
    init.lines.ready()
    os.kill(init.child, signal.SIGSTOP)
    until(lambda: state(init.child) == "T", "it is not stopped")
    settled(init.pid)
    for number in (signal.SIGCONT, signal.SIGTERM, signal.SIGUSR1):
        init.kill(number)
        settled(init.pid)
        assert init.lines.next() == f"signal {number:d}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_command_can_be_ended(start, number):
    init = start(TOOL, "terminal", stdin=subprocess.PIPE)
    init.lines.ready()
    os.kill(init.child, signal.SIGSTOP)
    until(lambda: state(init.child) == "T", "it is not stopped")
    settled(init.pid)
    init.kill(number)
    assert init.end() == 128 + number


# ---- at a terminal, with a shell above


def test_in_the_foreground(shell):
    at = shell(TOOL, "terminal")
    at.start()
    pid, parent, group, session, foreground = at.lines.ready()
    assert (parent, group, foreground, session) == (at.job, pid, pid, at.process.pid)
    at.terminal.type("hello\n")
    assert at.lines.next() == "read hello"
    at.terminal.type("\x03")
    assert at.lines.next() == "signal 2"
    at.terminal.resize(100)
    assert at.lines.next() == "signal 28"
    os.kill(at.job, signal.SIGWINCH)
    assert at.lines.next() == "signal 28"
    at.terminal.type("\x04")
    assert at.ask("wait") == "ended 0 terminal job"


def test_a_stop_at_the_terminal_is_the_shells(shell):
    at = shell(TOOL, "terminal")
    at.start()
    at.lines.ready()
    for _ in range(3):
        at.terminal.type("\x1a")
        assert at.ask("wait") == f"stopped {signal.SIGTSTP:d} terminal job"
        at.tell("fg")
        assert at.lines.next() == "signal 18"
        at.terminal.type("hello\n")
        assert at.lines.next() == "read hello"
    at.terminal.type("\x03")
    assert at.lines.next() == "signal 2"


def test_in_the_background_after_a_stop(shell):
    at = shell(TOOL, "terminal")
    at.start()
    at.lines.ready()
    at.terminal.type("\x1a")
    assert at.ask("wait") == f"stopped {signal.SIGTSTP:d} terminal job"
    at.tell("bg")
    assert at.lines.next() == "signal 18"
    # It goes on reading, which is not for the background.
    assert at.ask("wait") == f"stopped {signal.SIGTTIN:d} terminal shell"
    at.tell("fg")
    assert at.lines.next() == "signal 18"
    at.terminal.type("hello\n")
    assert at.lines.next() == "read hello"


def test_started_in_the_background(shell):
    """The terminal is the shell's, and stays it until it says otherwise."""
    at = shell(TOOL, "terminal")
    at.start("start &")
    at.lines.ready()
    assert at.ask("wait") == f"stopped {signal.SIGTTIN:d} terminal shell"
    at.tell("fg")
    assert at.lines.next() == "signal 18"
    at.terminal.type("hello\n")
    assert at.lines.next() == "read hello"


def test_brought_to_the_foreground_while_it_runs(shell):
    """No SIGCONT tells of that: signals at the terminal come to the init, and what reads there gets it."""
    at = shell(TOOL, "report")
    at.start("start &")
    at.lines.ready()
    assert at.ask("foreground") == "done"
    at.terminal.type("\x03")
    assert at.lines.next() == "signal 2"


def test_a_reader_that_was_brought_to_the_foreground(shell, world):
    wanted = world.tmp / "wanted"
    os.mkfifo(wanted)
    at = shell("sh", "-c", f"echo up; read x < {wanted}; read line < /dev/tty; echo got $line")
    at.start("start &")
    assert at.lines.next() == "up"
    assert at.ask("foreground") == "done"
    wanted.write_text("\n")
    at.terminal.type("hello\n")
    assert at.lines.next() == "got hello"


def test_a_command_that_somebody_stops(shell):
    at = shell(TOOL, "terminal")
    at.start()
    pid, *_ = at.lines.ready()
    os.kill(pid, signal.SIGSTOP)
    assert at.ask("wait").startswith(f"stopped {signal.SIGTSTP:d} ")
    at.tell("fg")
    assert at.lines.next() == "signal 18"


SCRIPT = "import os, subprocess, sys; s = subprocess.run(sys.argv[1:]).returncode; os.write(1, b'%d %d\\n' % (s, os.tcgetpgrp(0) == os.getpgrp()))"


def test_a_script_gets_the_terminal_back(shell):
    at = shell("true", script=SCRIPT)
    at.start()
    assert at.lines.next() == "0 1"
    assert at.ask("wait") == "ended 0 terminal job"


def test_the_rest_of_the_job_is_stopped_with_it(shell):
    at = shell(TOOL, "terminal", script=SCRIPT)
    at.start()
    at.lines.ready()
    at.terminal.type("\x1a")
    assert at.ask("wait") == f"stopped {signal.SIGTSTP:d} terminal job"
    at.tell("fg")
    assert at.lines.next() == "signal 18"
    at.terminal.type("\x04")
    assert at.lines.next() == "0 1"


def test_the_first_process_is_never_stopped_and_stops_nobody(shell):
    """It cannot be, whatever is above the namespace that it is the first process of."""
    at = shell(TOOL, "terminal", wrap=["unshare", "--pid", "--fork", "--kill-child"])
    at.start()
    at.lines.ready()
    at.terminal.type("\x1a")
    assert at.lines.next() == "signal 18"
    at.terminal.type("hello\n")
    assert at.lines.next() == "read hello"
    at.terminal.type("\x04")
    assert at.ask("wait").startswith("ended 0 ")


# ---- at a terminal, with nobody above: docker run -t


@pytest.fixture
def alone(start):
    terminals = []

    def alone(*command, wrap=("setsid", "-c")):
        terminals.append(Pty())
        init = start(*command, wrap=wrap, stdin=terminals[-1].slave, start_new_session=False)
        init.terminal = terminals[-1]
        return init

    yield alone
    for terminal in terminals:
        terminal.close()


def test_a_stop_that_nobody_could_undo(alone):
    init = alone(TOOL, "terminal")
    pid, _, group, _, foreground = init.lines.ready()
    assert pid == group == foreground
    for _ in range(3):
        init.terminal.type("\x1a")
        assert init.lines.next() == "signal 18"
        init.terminal.type("hello\n")
        assert init.lines.next() == "read hello"
    init.terminal.type("\x03")
    assert init.lines.next() == "signal 2"
    init.terminal.resize(100)
    assert init.lines.next() == "signal 28"
    init.terminal.type("\x04")
    assert init.end() == 0


def test_the_command_gets_no_more_of_the_terminal(alone):
    init = alone("ls", "/proc/self/fd")
    assert [init.lines.next() for _ in range(5)] == ["0", "1", "2", "3", None]  # 3 is the folder


def test_a_stop_that_was_asked_for_lasts_at_a_terminal_too(alone):
    init = alone(TOOL, "terminal")
    init.lines.ready()
    init.kill(signal.SIGTSTP)
    until(lambda: state(init.child) == "T", "it is not stopped")
    settled(init.pid)
    assert state(init.child) == "T"
    os.kill(init.child, signal.SIGCONT)
    assert init.lines.next() == "signal 18"
    settled(init.pid)
    init.terminal.type("\x1a")  # which nobody asked for
    assert init.lines.next() == "signal 18"


def test_a_terminal_whose_owner_is_gone(alone):
    """A group that has the terminal and ended without giving it back does not keep it."""
    script = ("import os, signal\n"
              "pid = os.fork()\n"
              "if pid == 0:\n    os.setpgid(0, 0)\n    signal.signal(signal.SIGTTOU, signal.SIG_IGN)\n    os.tcsetpgrp(0, os.getpgrp())\n    os._exit(0)\n"
              "os.waitpid(pid, 0)\nos.write(1, b'up\\n')\nos.write(1, b'got ' + os.read(0, 99))")
    init = alone(sys.executable, "-c", script)
    assert init.lines.next() == "up"
    init.terminal.type("hello\n")
    assert init.lines.next() == "got hello"
    assert init.end() == 0


def test_a_terminal_without_its_device(alone, first):
    if not first:
        pytest.skip("needs a mount namespace")
    init = alone(TOOL, "terminal", wrap=["sh", "-c", 'mount --bind /dev/null /dev/tty && exec setsid -c "$@"', "sh"])
    pid, _, group, _, foreground = init.lines.ready()
    assert pid == group == foreground
    init.terminal.type("hello\n")
    assert init.lines.next() == "read hello"


# ---- what it costs


@pytest.mark.skipif(SANITIZED, reason="the static program's")
def test_memory(start):
    init = start(TOOL, "report")
    init.lines.ready()
    before = status_of(init.pid)["VmRSS"]
    for _ in range(1000):
        init.kill(signal.SIGRTMIN + 1)
        init.lines.next()
    assert status_of(init.pid)["VmRSS"] == before
    assert int(before.split()[0]) < 2048
    print(before)


@pytest.mark.skipif(SANITIZED or not shutil.which("strace"), reason="needs strace and the static program")
def test_system_calls_of_the_loop(world):
    """No memory is asked for, and nobody is signalled but the command and its group."""
    log = world.tmp / "strace"
    init = Init(world, TOOL, "report", first=False, wrap=["strace", "-o", log])
    try:
        pid, parent, *_ = init.lines.ready()
        for number in EVERY:
            os.kill(parent, number)
            init.lines.next()
        os.kill(pid, signal.SIGKILL)
        assert init.end() == 137
    finally:
        init.close()
    calls = log.read_text().splitlines()
    [fork] = [i for i, line in enumerate(calls) if re.match(r"(clone|fork|vfork)", line)]
    loop = [line for line in calls[fork + 1:] if not line.startswith(("---", "+++"))]
    assert {line.split("(")[0] for line in loop} <= {"setpgid", "waitid", "rt_sigtimedwait", "kill", "getpgid", "exit_group"}
    assert all(re.match(rf"kill\(-{pid}, ", line) for line in loop if line.startswith("kill("))
