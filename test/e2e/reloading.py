# SPDX-License-Identifier: Apache-2.0
"""A boot with EXTENSION_DEV_RELOAD, what it says as it says it, and the processes that it leaves."""

import os
import queue
import re
import select
import signal
import subprocess
import threading
import time
from pathlib import Path

from servers import free_port

LONG = 60  # seconds after which a test has failed
# What a boot mounts is gone with it; who may not mount gets links.
APART = ["unshare", "-m", "--propagation", "private"] if os.geteuid() == 0 else []

# Says when it may be signalled, and each restart that it is asked for, with the children that LocalStack's would wait for.
# SUPERVISOR_WAITS: a fifo that somebody opens before it takes signals.
SUPERVISOR = """#!{python} -IS
import os, signal
def restart(number, frame):
    try:
        os.waitpid(-1, os.WNOHANG)
        said = "with children"
    except ChildProcessError:
        said = "alone"
    os.write(1, f"restart {{said}}\\n".encode())
if "SUPERVISOR_WAITS" in os.environ:
    open(os.environ["SUPERVISOR_WAITS"]).read()
signal.signal(signal.SIGUSR1, restart)
signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))
os.write(1, b"supervisor ready\\n")
while True:
    signal.pause()
"""

PYPROJECT = """[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "{name}"
version = "1.0"
dependencies = [{dependencies}]
"""


# A hook of LocalStack's, which finds it by plux.
PLUGIN = """from localstack.runtime import hooks
@hooks.on_infra_start()
def say():
    print("the plugin says {}", flush=True)
"""


def install_supervisor(root):
    path = root.base / "bin/localstack-supervisor"
    path.unlink()
    path.write_text(SUPERVISOR.format(python=root.base / "bin/python3"))
    path.chmod(0o755)


def make_source(folder, *dependencies):
    name = folder.name
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text("")
    (folder / name / "plugin.py").write_text("text = 'old'\n")
    declare(folder, *dependencies)
    return folder


def declare(folder, *dependencies):
    text = ", ".join(f'"{d}"' for d in dependencies)
    (folder / "pyproject.toml").write_text(PYPROJECT.format(name=folder.name, dependencies=text))


def children(pid):
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def status_of(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(re.split(r":\s*", line, maxsplit=1) for line in lines)


class Ending:
    """To be made while a process lives: waits until it does not."""

    def __init__(self, pid):
        self.fd = os.pidfd_open(pid)

    def wait(self, seconds=LONG):
        ended = bool(select.select([self.fd], [], [], seconds)[0])
        os.close(self.fd)
        return ended


class Running:
    """A program whose lines, of both streams, can be waited for."""

    def __init__(self, command, env, **options):
        self.process = subprocess.Popen([*map(str, command)], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace", **options)
        self.said, self.lines = [], queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    @property
    def pid(self):
        return self.process.pid

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def next(self, pattern):
        """The next line in which the pattern is found; those before it are passed over."""
        until = time.monotonic() + LONG
        while True:
            try:
                line = self.lines.get(timeout=max(until - time.monotonic(), 0.01))
            except queue.Empty:
                line = None
            assert line is not None, f"{pattern!r} was not said, but:\n" + "\n".join(self.said)
            self.said.append(line)
            if re.search(pattern, line):
                return line

    def stop(self):
        self.process.kill()
        self.process.wait()


class Reloading(Running):
    def __init__(self, root, *sources, wrap=APART, watched=True, ready=True, **env):
        env = {"EXTENSION_DEV_MODE": "1", "EXTENSION_DEV_RELOAD": "1", "EXTENSION_DEV_SOURCES": ":".join(map(str, sources)), **env}
        super().__init__([*wrap, root.programs.entrypoint, "--root", root.folder], root.environment(env))
        if watched:
            self.next("localstack-extensions: watching for changes: ")
        if ready:
            self.ready()

    def ready(self):
        """Two processes speak, in whichever order."""
        if "supervisor ready" not in self.said:
            self.next("^supervisor ready$")

    def restarted(self, changed):
        """What was said of the change that made for the next restart."""
        line = self.next(" changed; .*LocalStack restarts$")
        self.next("^restart alone$")
        files = re.search(r"^localstack-extensions: (.*) changed; ", line)[1]
        assert files == changed, line
        return line

    def keeper(self):
        [pid] = [n for n in children(self.pid) if status_of(n)["Name"] == "localstack-entr"]
        return pid

    def keeper_beside(self):
        """Under a supervisor that has LocalStack for a child already."""
        [pid] = [pid for pid in children(self.pid) if Path(f"/proc/{pid}/exe").resolve() == Path(f"/proc/{self.pid}/exe").resolve()]
        return pid

    def watcher(self):
        [pid] = children(self.keeper())
        return pid

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(LONG) == 0


class LocalStack(Reloading):
    """LocalStack itself, and the link in its base that the image has. `gateway`: where it answers."""

    def __init__(self, root, *sources, **env):
        next(root.base.glob("lib/python3.*/site-packages")).joinpath("zz-localstack-extensions-venv.pth").write_text(f"{root.site}\n")
        self.gateway = f"127.0.0.1:{free_port()}"
        super().__init__(root, *sources, watched=False, ready=False, OVERRIDE_IN_DOCKER="0", FILESYSTEM_ROOT=root.folder,
                         GATEWAY_LISTEN=self.gateway, DNS_ADDRESS="0", SKIP_SSL_CERT_DOWNLOAD="1", DISABLE_EVENTS="1",
                         PYTHONUNBUFFERED="1", **env)

    def says(self, word):
        """The hook of the plugin, and that LocalStack is ready."""
        self.next(f"^the plugin says {word}$")
        self.next("^Ready.$")
