# SPDX-License-Identifier: Apache-2.0
"""LocalStack's own supervisor and ours, each as the first process of a PID namespace, over one stand-in for LocalStack."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from inits import NAMESPACE, Lines, kill_family, until
from reloading import children
from test_entry import LONG

# The calls in which they wait: wait4 and rt_sigtimedwait.
WAITING = {"x86_64": ("61", "128"), "aarch64": ("260", "137")}[os.uname().machine]

# It says "ready PID SUPERVISOR_PID", a line on stderr, and "term" at each TERM, at which it exits with ON_TERM; "ignore": does not;
# "twice": at the second; "die": dies of it. OWN: what it does by itself, as Python, when it has said so.
STAND_IN = """
import os, signal, sys
how = os.environ.get("ON_TERM", "0")
terms = 0
def say(text, fd=1):
    os.write(fd, (text + "\\n").encode())
def term():
    global terms
    terms += 1
    say("term")
    if how == "die":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        os.kill(os.getpid(), signal.SIGTERM)
    elif how == "twice":
        if terms == 2:
            os._exit(0)
    elif how != "ignore":
        os._exit(int(how))
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
say(f"ready {os.getpid()} {os.environ.get('SUPERVISOR_PID')}")
say("on stderr", 2)
exec(os.environ.get("OWN", ""))
while True:
    signal.sigwait({signal.SIGTERM})
    term()
"""


class Supervised:
    """What it says, with numbers of processes taken out, is kept in `said`."""

    def __init__(self, world, program, *, wrap=NAMESPACE, **env):
        script = world.tmp / "stand-in.py"
        script.write_text(STAND_IN)
        command = {"LOCALSTACK_SUPERVISOR_COMMAND": shlex.join([sys.executable, "-IS", str(script)])}
        self.in_namespace = bool(wrap)
        self.process = subprocess.Popen(
            [*wrap, *map(str, program)], cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
            env={k: v for k, v in {**world.env, "PYTHONUNBUFFERED": "1", **command, **env}.items() if v is not None})
        self.lines = Lines(self.process.stdout.fileno())
        self.said, self.rest = [], None

    @property
    def pid(self):
        return children(self.process.pid)[0] if self.in_namespace else self.process.pid

    @property
    def child(self):
        return children(self.pid)[0]

    def line(self):
        """Theirs writes a line and the end of it apart, so that what its child says may come in between."""
        if self.rest:
            line, self.rest = self.rest, None
            return line
        while (line := self.lines.next()) == "":
            pass
        parts = re.match(r"(LocalStack supervisor: localstack process \(PID \d+\) starting)(.+)", line or "")
        if parts:
            line, self.rest = parts.groups()
        return line

    def next(self, wanted):
        """Passes over what comes before it, which is kept."""
        while True:
            line = self.line()
            assert line is not None, f"{wanted!r} was not said, but {self.said}"
            self.said.append(re.sub(r"\bPID \d+|(?<=^ready )\d+", "N", line))
            if re.match(wanted, line):
                return line

    def ready(self):
        """The stand-in is there, and its supervisor waits for what comes: theirs takes what comes earlier for the one before."""
        self.next("ready")
        self.next("on stderr")
        until(lambda: Path(f"/proc/{self.pid}/syscall").read_text().split()[0] in WAITING, "it does not wait")

    def kill(self, number):
        os.kill(self.pid, number)

    def end(self):
        while (line := self.line()) is not None:
            self.said.append(re.sub(r"\bPID \d+", "N", line))
        self.said.append(f"status {self.process.wait(LONG)}")

    def close(self):
        if self.process.poll() is None:
            kill_family(self.process.pid)
            self.process.wait(LONG)
        self.process.stdout.close()
        self.process.stderr.close()
