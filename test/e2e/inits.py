# SPDX-License-Identifier: Apache-2.0
"""Commands under an init: as the first process of a PID namespace, or as any other; with a terminal, or a shell above.
Children are build/tools/child (test/tools/child.c says what it says), or as short as can be."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

from reloading import children, status_of
from test_entry import LONG, PROGRAM

TOOL = PROGRAM.parent / "tools/child"
NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


def until(condition, what):
    """For what no event tells of."""
    end = time.monotonic() + LONG
    while not condition():
        os.sched_yield()
        assert time.monotonic() < end, what


def state(pid):
    """S: sleeps, T: stopped, Z: ended and not reaped; "": gone."""
    try:
        return status_of(pid)["State"][0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def settled(pid):
    """It has dealt with every signal that was sent to it, and waits for the next."""
    def is_settled():
        now = status_of(pid)
        return now["State"][0] == "S" and int(now["ShdPnd"], 16) == int(now["SigPnd"], 16) == 0
    until(is_settled, f"{pid} does not come to rest")


def family(pid):
    """A process and its descendants."""
    try:
        return [pid, *(p for child in children(pid) for p in family(child))]
    except (FileNotFoundError, ProcessLookupError):
        return [pid]


def kill_family(pid):
    for p in family(pid):
        try:
            os.kill(p, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Lines:
    """The lines that come from a descriptor."""

    def __init__(self, fd):
        self.fd, self.rest = fd, b""

    def next(self):
        """The next one; None where there is an end."""
        end = time.monotonic() + LONG
        while b"\n" not in self.rest:
            assert select.select([self.fd], [], [], max(end - time.monotonic(), 0))[0], f"nothing came after {self.rest}"
            more = os.read(self.fd, 65536)
            if not more:
                return None
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def ready(self):
        """PID, PPID, GROUP, SESSION, FOREGROUND."""
        word, *numbers = self.next().split()
        assert word == "ready"
        return [int(n) for n in numbers]


class Init:
    """The program under --init, with a command whose stdout is read."""

    def __init__(self, world, *command, first, options=("--init",), env=None, wrap=(), **more):
        self.first = first
        self.process = subprocess.Popen(
            [*(NAMESPACE if first else []), *wrap, *world.argv(*options, *command)],
            env={k: v for k, v in {**world.env, **(env or {})}.items() if v is not None},
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": "/",
               "start_new_session": True, **more})
        self.lines = Lines(self.process.stdout.fileno()) if self.process.stdout else None

    @property
    def pid(self):
        """The init's, as seen from here; the command has to be there."""
        return children(self.process.pid)[0] if self.first else self.process.pid

    @property
    def child(self):
        return children(self.pid)[0]

    def kill(self, number):
        os.kill(self.pid, number)

    def end(self):
        """Its status: that of unshare is its own."""
        try:
            return self.process.wait(LONG)
        finally:
            self.close()

    def close(self):
        if self.process.poll() is None:
            kill_family(self.process.pid)
            self.process.wait(LONG)
        for stream in (self.process.stdout, self.process.stderr, self.process.stdin):
            if stream:
                stream.close()


class Pty:
    """A terminal of 80 columns that nobody has yet."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        mode = termios.tcgetattr(self.slave)
        mode[3] |= termios.TOSTOP  # what writes from the background is stopped
        termios.tcsetattr(self.slave, termios.TCSANOW, mode)

    def type(self, text):
        os.write(self.master, text.encode())

    def resize(self, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def close(self):
        os.close(self.master)
        os.close(self.slave)


# A shell as far as job control goes. argv: descriptor of the job's stdout, then the job. It is told on stdin what to do.
SHELL = """
import os, signal, sys
out, *argv = sys.argv[1:]
for n in (signal.SIGTTOU, signal.SIGTTIN, signal.SIGTSTP, signal.SIGINT):
    signal.signal(n, signal.SIG_IGN)
tty = os.open("/dev/tty", os.O_RDWR)
me = os.getpgrp()
job = 0

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

for line in sys.stdin:
    what = line.strip()
    if what in ("start", "start &"):
        job = os.fork()
        if job == 0:
            os.setpgid(0, 0)
            if what == "start":
                os.tcsetpgrp(tty, os.getpgrp())
            os.dup2(int(out), 1)
            os.dup2(tty, 0)
            for n in (signal.SIGTTOU, signal.SIGTTIN, signal.SIGTSTP, signal.SIGINT):
                signal.signal(n, signal.SIG_DFL)
            os.closerange(3, 256)
            os.execvp(argv[0], argv)
        say("job", job)
    elif what == "wait":
        _, status = os.waitpid(job, os.WUNTRACED)
        had = os.tcgetpgrp(tty)
        os.tcsetpgrp(tty, me)
        say(*(("stopped", os.WSTOPSIG(status)) if os.WIFSTOPPED(status) else ("ended", os.waitstatus_to_exitcode(status))),
            "terminal", "job" if had == job else "shell" if had == me else "other")
    elif what in ("fg", "bg"):
        if what == "fg":
            os.tcsetpgrp(tty, job)
        os.killpg(job, signal.SIGCONT)
    elif what == "foreground":
        os.tcsetpgrp(tty, job)
        say("done")
    elif what == "terminal":
        say("job" if os.tcgetpgrp(tty) == job else "shell" if os.tcgetpgrp(tty) == me else "other")
"""


class Shell:
    """One that runs a job at a terminal of its own. `lines`: what the job says."""

    def __init__(self, world, *command, script=None, option="--init", wrap=()):
        self.terminal = Pty()
        reader, writer = os.pipe()
        argv = [*wrap, *world.argv(option, *command)]
        if script:  # what runs the program in its own process group, as a script does
            argv = [sys.executable, "-c", script, *argv]
        self.process = subprocess.Popen(
            [sys.executable, "-c", SHELL, str(writer), *argv], env=world.env, cwd="/", stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, pass_fds=[writer], start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(self.terminal.slave, termios.TIOCSCTTY, 0))
        os.close(writer)
        self.reader, self.lines, self.events = reader, Lines(reader), Lines(self.process.stdout.fileno())
        self.job = None

    def tell(self, what):
        self.process.stdin.write(f"{what}\n".encode())
        self.process.stdin.flush()

    def ask(self, what):
        self.tell(what)
        return self.events.next()

    def start(self, how="start"):
        word, job = self.ask(how).split()
        assert word == "job"
        self.job = int(job)

    def close(self):
        kill_family(self.process.pid)
        self.process.wait(LONG)
        self.process.stdin.close()
        self.process.stdout.close()
        os.close(self.reader)
        self.terminal.close()
