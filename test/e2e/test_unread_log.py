# SPDX-License-Identifier: Apache-2.0
"""stderr that nobody reads, as from a log driver that is stuck, keeps nobody from ending; one read slowly loses nothing."""

import fcntl
import os
import signal
import subprocess
import termios
import time

import pytest

from inits import family, until

AT_ONCE_S = 2
SIGNALS = [signal.SIGTERM, signal.SIGINT]
CONTAINER = ["unshare", "--pid", "--fork", "--kill-child"]


class Full:
    """A pipe that is full, or a terminal that was stopped (Ctrl-S)."""

    def __init__(self, kind):
        self.is_pipe = kind == "pipe"
        self.reader, self.writer = os.pipe() if self.is_pipe else os.openpty()
        if self.is_pipe:
            os.write(self.writer, b"-" * fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, 4096))
        else:
            termios.tcflow(self.writer, termios.TCOOFF)

    def read(self):
        """All of it, while somebody writes."""
        if not self.is_pipe:
            termios.tcflow(self.writer, termios.TCOON)
        os.close(self.writer)
        got = b""
        try:
            while piece := os.read(self.reader, 100):
                got += piece
        except OSError:  # of a terminal that all have closed
            pass
        return got.decode().lstrip("-")

    def close(self):
        os.close(self.reader)


def writes(pid):
    """It is stuck in writing to its stderr."""
    try:
        call, fd = open(f"/proc/{pid}/syscall").read().split()[:2]
    except (OSError, ValueError):
        return False
    return int(call) == {"x86_64": 1, "aarch64": 64}[os.uname().machine] and int(fd, 16) == 2


def named(pid):
    return os.path.basename(os.readlink(f"/proc/{pid}/exe"))


@pytest.fixture(params=["pipe", "terminal"])
def full(request):
    full = Full(request.param)
    yield full
    full.close()


@pytest.fixture
def begin(root, full):
    started = []

    def begin(command, stuck, wrap=(), **env):
        """The pid of what is stuck."""
        process = subprocess.Popen([*wrap, *command], env=root.environment(env), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=full.writer, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        started.append(process)
        until(lambda: [p for p in family(process.pid) if writes(p)], "nobody writes")
        pid, = [p for p in family(process.pid) if writes(p)]
        assert named(pid) == stuck
        return process, pid
    yield begin
    for process in started:
        process.kill()
        process.wait()


def boot(root, *command):
    return [str(root.programs.entrypoint), "--root", str(root.folder), *command]


def end(process, pid, number):
    began = time.monotonic()
    os.kill(pid, number)
    status = process.wait(60)
    assert time.monotonic() - began < AT_ONCE_S
    return status


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("wrap", [(), CONTAINER], ids=["a process", "a container's first"])
def test_a_boot_ends(root, begin, number, wrap):
    process, pid = begin(boot(root, "true"), "localstack-entrypoint", wrap, EXTENSION_AUTO_INSTALL="zzz", PIP_NO_INDEX="1")
    assert end(process, pid, number) == 128 + number


@pytest.mark.parametrize("number", SIGNALS)
def test_a_usage_error_ends(root, begin, number):
    process, pid = begin(boot(root, "--unknown"), "localstack-entrypoint", CONTAINER)
    assert end(process, pid, number) == 128 + number


@pytest.mark.parametrize("number", SIGNALS)
def test_a_boot_ends_whose_sync_is_stuck(root, begin, number):
    process, _ = begin(boot(root, "true"), "localstack-extensions", EXTENSION_AUTO_INSTALL="zzz", PIP_NO_INDEX="1", EXTENSION_LOG_LEVEL="error")
    assert end(process, process.pid, number) == 128 + number


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("wrap", [(), CONTAINER], ids=["a process", "a container's first"])
def test_a_sync_ends(root, begin, number, wrap):
    process, pid = begin(root.command("sync"), "localstack-extensions", wrap, EXTENSION_AUTO_INSTALL="zzz", PIP_NO_INDEX="1")
    assert end(process, pid, number) == (128 + number if wrap else -number)


def test_a_slow_reader_gets_it_all(root, full, begin):
    env = {"EXTENSION_AUTO_INSTALL": f"zzz,{'y' * 5000} @ x", "PIP_NO_INDEX": "1"}  # the last is more than a pipe takes at once
    process, _ = begin(boot(root, "true"), "localstack-entrypoint", **env)
    said = full.read().replace("\r\n", "\n")
    assert process.wait(60) == 0
    wanted = root.boot("true", env=env).err
    assert "y" * 5000 in wanted and said.startswith("localstack-entrypoint: preparing the extensions: there has been no sync yet\n")
    assert said.split("\n")[1:] == wanted.split("\n")[1:]
