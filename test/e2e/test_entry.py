# SPDX-License-Identifier: Apache-2.0
"""localstack-entrypoint as it was built ($BUILD_DIR, else build), in a root of its own, with stand-ins for the base
and the reconciler. What is waited for is an event: a fifo, or the end of a process."""

import hashlib
import json
import os
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(os.environ.get("BUILD_DIR", "build")).resolve() / "localstack-entrypoint"
SANITIZED = b"__asan_init" in PROGRAM.read_bytes()
LONG = 30  # seconds after which a test has failed
STATE = ".localstack-extensions.state"
COMMIT = ".localstack-extensions.commit"


def sha256(data):
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def mtime(path):
    return str(os.stat(path).st_mtime_ns)


class Fifo:
    """What a script writes into it is waited for; its end is that of all who had it open."""

    def __init__(self, path):
        self.path = path
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def poll(self, wanted):
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        events = poll.poll(LONG * 1000)
        assert events and events[0][1] & wanted, f"{self.path}: nobody wrote"

    def read(self):
        self.poll(select.POLLIN)
        return os.read(self.fd, 65536).decode()

    def wait_for_end(self):
        self.poll(select.POLLHUP)


class World:
    def __init__(self, tmp_path):
        self.tmp = tmp_path
        self.root = tmp_path / "root"
        self.base = self.root / "opt/code/localstack/.venv"
        self.conf = self.root / "etc/localstack/conf.d"
        self.hooks = self.root / "etc/localstack/init/boot.d"
        self.volume = self.root / "var/lib/localstack"
        self.extensions = self.volume / "lib/extensions"
        self.venv = self.extensions / "python_venv"
        self.program = tmp_path / "bin/localstack-entrypoint"
        self.reconciler = tmp_path / "bin/localstack-extensions"
        self.calls = tmp_path / "calls"
        python = f"python3.{sys.version_info[1]}"
        self.site = f"lib/{python}/site-packages"
        self.interpreter = self.root / "usr/bin" / python
        self.env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "home"), "PIP_CONFIG_FILE": "/dev/null"}
        for folder in (
            self.base / "bin",
            self.base / self.site / "localstack/runtime",
            self.base / self.site / "a-1.dist-info",
            self.conf,
            self.volume / "logs",
            self.venv / self.site,
            self.venv / "bin",
            self.interpreter.parent,
            self.program.parent,
            tmp_path / "home",
        ):
            folder.mkdir(parents=True)
        (self.base / "bin/python3").symlink_to(sys.executable)
        (self.base / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
        (self.base / self.site / "localstack/__init__.py").touch()
        (self.base / self.site / "localstack/runtime/__init__.py").touch()
        (self.venv / "pyvenv.cfg").write_text("localstack-sync = 3\n")
        self.interpreter.write_text("ELF")
        (self.conf / "extensions.txt").write_text("foo\n")
        shutil.copy(PROGRAM, self.program)
        self.supervisor("exit 0")
        self.reconcile("exit 0")
        self.write_state()

    def script(self, path, text):
        path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def supervisor(self, text):
        self.script(self.base / "bin/localstack-supervisor", text)

    def reconcile(self, text):
        """Stands in for localstack-extensions: writes its arguments down, then does what `text` says."""
        self.script(self.reconciler, f'printf "%s\\n" "$*" >> {self.calls}\n{text}')

    def hook_runner(self, text):
        """Stands in for localstack.runtime.init."""
        self.hooks.mkdir(parents=True, exist_ok=True)
        (self.hooks / "hook.sh").touch()
        (self.base / self.site / "localstack/runtime/init.py").write_text(text)

    def called(self):
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def settings_digest(self):
        return sha256(
            "auto-install\ninstall 0\ndev-sources\ndev 0\nbase-conflicts 0\nstrategy 0\nno-index 0\npre 0\nhashes 0 0\nlock\n"
            "index-url\nextra 0\nfind-links 0\nconstraint 0\nno-binary 0\nonly-binary 0\nall-releases 0\nonly-final 0\n"
            "build-constraint 0\nno-build-isolation 0\n"
        )

    def write_state(self, failures=(), **changes):
        names = sorted(p.name for p in (self.base / self.site).iterdir() if p.suffix in (".dist-info", ".egg-info"))
        st = self.interpreter.stat()
        txt = self.conf / "extensions.txt"
        lines = [
            ("localstack-extensions-state", "1", ""),
            ("number", "3", ""),
            ("status", "1" if failures else "0", ""),
            ("host", "here", ""),
            ("settings", self.settings_digest(), ""),
            ("file", sha256(txt.read_bytes()), txt),
            ("file", "-", self.conf / "extensions.yaml"),
            *(("file", sha256(f.read_bytes()), f) for f in [Path("/etc/pip.conf")] if f.exists()),
            ("machine", os.uname().machine, ""),
            ("base", sha256((self.base / "pyvenv.cfg").read_bytes()), self.base),
            ("interpreter", f"{st.st_size}:{st.st_mtime_ns}", self.interpreter),
            ("distributions", sha256("".join(n + "\n" for n in names)), self.base / self.site),
            ("venv", "3", ""),
            ("venv-folder", mtime(self.venv / self.site), self.site),
            ("venv-folder", mtime(self.venv / "bin"), "bin"),
            *(("failure", *f) for f in failures),
            ("end", "", ""),
        ]
        lines = [(kind, changes.get(kind, value), *more) for kind, value, *more in lines]
        (self.extensions / STATE).write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))

    def argv(self, *args):
        return [str(self.program), "--root", str(self.root), *map(str, args)]

    def start(self, *args, env=None, **kwargs):
        # None takes a variable out.
        merged = {k: v for k, v in {**self.env, **(env or {})}.items() if v is not None}
        kwargs = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **kwargs}
        return subprocess.Popen(self.argv(*args), env=merged, text=True, cwd="/", **kwargs)

    def run(self, *args, **kwargs):
        process = self.start(*args, **kwargs)
        process.out, process.err = process.communicate(timeout=LONG)
        return process

    def command_env(self, env=None, command=None):
        """The environment that the command gets, exactly."""
        done = self.run(*(command or ["env", "-0"]), env=env)
        assert done.returncode == 0, done.err
        return dict(entry.split("=", 1) for entry in done.out.split("\0") if entry)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


# ---- usage


def test_help_and_version(world):
    done = world.run("--help")
    assert done.returncode == 0 and "--root DIR" in done.out and done.err == ""
    done = world.run("--version")
    assert done.returncode == 0 and re.fullmatch(r"localstack-entrypoint \d+\.\d+\.\d+\n", done.out)


@pytest.mark.parametrize("args", [["--unknown"], ["--initial"], ["--supervised"], ["-x"], ["--root"], ["--root="]])
def test_usage_errors(world, args):
    done = subprocess.run([world.program, *args, *([] if "root" in args[0] else ["true"])], capture_output=True,
                          text=True, env=world.env, timeout=LONG)
    assert done.returncode == 2
    assert args[0].rstrip("=") in done.stderr.splitlines()[0]
    assert "Usage: localstack-entrypoint" in done.stderr and done.stdout == ""


def test_a_command_gets_its_arguments(world):
    assert world.run("printf", "%s|", "a b", "--root", "$x", "").out == "a b|--root|$x||"
    assert world.run("--", "echo", "--").out == "--\n"


def test_the_default_is_the_supervisor(world):
    world.supervisor('echo "$0|$#|$PWD"; exit 7')
    done = world.run()
    assert done.returncode == 7
    assert done.out == f"{world.base}/bin/localstack-supervisor|0|{world.root}/opt/code/localstack\n"
    assert done.err == ""


def test_a_root_that_is_relative(world):
    world.supervisor("echo $VIRTUAL_ENV")
    done = subprocess.run(["./bin/localstack-entrypoint", f"--root=./{world.root.name}/"], cwd=world.tmp,
                          capture_output=True, text=True, env=world.env, timeout=LONG)
    assert done.stdout == f"{world.base}\n" and done.stderr == ""


def test_exit_statuses(world):
    done = world.run("no-such-program")
    assert done.returncode == 127 and "no-such-program: there is no such program on PATH" in done.err
    done = world.run(world.tmp / "none")
    assert done.returncode == 127 and "there is no such program" in done.err
    (world.tmp / "data").write_text("x")
    done = world.run(world.tmp / "data")
    assert done.returncode == 126 and "Permission denied" in done.err
    world.script(world.tmp / "bad", "#!/no/such/interpreter\n")
    done = world.run(world.tmp / "bad")
    assert done.returncode == 127 and "its first line names is not there" in done.err
    assert world.run("sh", "-c", "exit 42").returncode == 42
    assert world.run("sh", "-c", "kill -9 $$").returncode == -9


# ---- environment


def test_prefix_rule(world):
    odd = "two\nlines 'quote\" = $(touch x) `y` \\ \x01 ü"
    env = world.command_env({
        "LOCALSTACK_DEBUG": odd, "PERSISTENCE": "0", "LOCALSTACK_PERSISTENCE": "1",
        "LOCALSTACK_HOST": "h", "LOCALSTACK_HOSTNAME": "n", "LOCALSTACK_4566": "p", "LOCALSTACK_EMPTY": "",
    })
    assert env["DEBUG"] == env["LOCALSTACK_DEBUG"] == odd
    assert env["PERSISTENCE"] == "1" and env["EMPTY"] == ""
    assert env["LOCALSTACK_HOST"] == "h" and "HOST" not in env and "HOSTNAME" not in env and "4566" not in env


def test_activation(world):
    env = world.command_env({"PYTHONHOME": "/x", "VIRTUAL_ENV": "/y"})
    assert env["VIRTUAL_ENV"] == str(world.base) and env["VIRTUAL_ENV_PROMPT"] == ".venv"
    assert env["PATH"] == f"{world.base}/bin:/usr/bin:/bin"
    assert "PYTHONHOME" not in env
    assert world.command_env({"PATH": None})["PATH"].startswith(f"{world.base}/bin:/usr/local/sbin:")
    again = world.command_env({"PATH": f"{world.base}/bin:/usr/bin:/bin"})
    assert again["PATH"] == f"{world.base}/bin:/usr/bin:/bin"
    world.script(world.base / "bin/only-there", "echo found")
    assert world.run("only-there").out == "found\n"


def test_auto_install_is_hidden_from_the_supervisor_alone(world):
    world.supervisor("env -0")
    both = {"LOCALSTACK_EXTENSION_AUTO_INSTALL": "x"}
    for command in ([""], ["localstack-supervisor"], [world.base / "bin/localstack-supervisor"]):
        env = world.command_env(both, command if command[0] else ["--"])
        assert not [k for k in env if "AUTO_INSTALL" in k]
    env = world.command_env(both)
    assert env["EXTENSION_AUTO_INSTALL"] == env["LOCALSTACK_EXTENSION_AUTO_INSTALL"] == "x"


def test_misspelt_settings(world):
    done = world.run("true", env={"LOCALSTACK_EXTENSION_AUTO_LOAD": "x"})
    assert done.err.count("did you mean EXTENSION_AUTO_INSTALL?") == 1


def test_logs_folder(world):
    (world.volume / "logs").rmdir()
    assert world.run("true").err == "" and (world.volume / "logs").is_dir()


@pytest.mark.parametrize("home", [None, "", "/", "/no/such/folder"])
def test_home(world, home):
    own = world.volume / f"tmp/home-{os.geteuid()}"
    for _ in range(2):
        assert world.command_env({"HOME": home})["HOME"] == str(own)
        assert stat.S_IMODE(own.stat().st_mode) == 0o700
    own.chmod(0o755)
    assert world.command_env({"HOME": home})["HOME"] == str(own)
    assert stat.S_IMODE(own.stat().st_mode) == 0o700


def test_home_that_is_not_ours(world):
    (world.volume / "tmp").mkdir()
    (world.volume / f"tmp/home-{os.geteuid()}").symlink_to(world.tmp)
    assert world.command_env({"HOME": "/"})["HOME"] == f"/tmp/home-{os.geteuid()}"


# ---- what is handed on

# SigQ counts what all processes of the user have waiting, so it is another's affair.
STATUS = re.compile(r"^(Sig(?!Q)\w+|ShdPnd|NoNewPrivs|Seccomp):.*$", re.M)


def poison():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGALRM, signal.SIGCHLD, signal.SIGUSR2})


@pytest.mark.parametrize("before", [None, poison])
@pytest.mark.parametrize("child", [False, True])
def test_signals_and_descriptors_are_handed_on(world, before, child):
    if child:
        (world.conf / "extensions.txt").write_text("changed\n")
    for look in (["cat", "/proc/self/status"], ["ls", "-l", "/proc/self/fd"]):
        kwargs = {"preexec_fn": before, "restore_signals": False, "stderr": subprocess.STDOUT}
        ours = world.run(*look, env={"EXTENSION_LOG_LEVEL": "error"}, **kwargs).out
        direct = subprocess.run(look, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=world.env, text=True,
                                timeout=LONG, **kwargs).stdout

        def facts(out):
            if look[0] == "cat":
                return STATUS.findall(out) and [m.group(0) for m in STATUS.finditer(out)]
            return sorted(line.split()[-3] for line in out.splitlines() if "->" in line)

        assert facts(ours) and facts(ours) == facts(direct)
    assert bool(world.called()) == child


@pytest.mark.parametrize("before", [None, poison])
def test_children_get_the_original_signals(world, before):
    (world.conf / "extensions.txt").write_text("changed\n")
    world.reconcile(f"cat /proc/self/status > {world.tmp}/status")
    world.run("true", preexec_fn=before, restore_signals=False)
    direct = subprocess.run(["sh", "-c", "cat /proc/self/status"], stdout=subprocess.PIPE, text=True,
                            preexec_fn=before, restore_signals=False, timeout=LONG).stdout
    ours = (world.tmp / "status").read_text()
    assert [m.group(0) for m in STATUS.finditer(ours)] == [m.group(0) for m in STATUS.finditer(direct)]


def test_stdout_belongs_to_the_command(world):
    (world.conf / "extensions.txt").write_text("changed\n")
    world.reconcile("echo said on stdout; echo said on stderr >&2")
    done = world.run("echo", "Ready.")
    assert done.out == "Ready.\n"
    assert "said on stdout" in done.err and "said on stderr" in done.err


@pytest.mark.parametrize("closed", [[0], [0, 1, 2], [2]])
def test_closed_descriptors(world, closed):
    (world.conf / "extensions.txt").write_text("changed\n")
    world.hook_runner("import os; os.open('/dev/null', 0)")

    def close():
        for fd in closed:
            os.close(fd)

    look = f"ls /proc/self/fd > {world.tmp}/fds"
    assert world.start("sh", "-c", look, preexec_fn=close).wait(LONG) == 0
    ours = (world.tmp / "fds").read_text()
    subprocess.run(["sh", "-c", look], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                   preexec_fn=close, timeout=LONG)
    assert ours == (world.tmp / "fds").read_text()
    assert world.called()


# ---- when the reconciler runs


def change_mtime(path):
    os.utime(path, ns=(1, 1))


CHANGES = {
    "extensions.txt changed": lambda w: (w.conf / "extensions.txt").write_text("bar\n"),
    "extensions.txt is gone": lambda w: (w.conf / "extensions.txt").unlink(),
    "extensions.yaml is new": lambda w: (w.conf / "extensions.yaml").write_text("timeout: 9\n"),
    "own venv is not the one that the last sync saw": lambda w: (w.base / "pyvenv.cfg").write_text("home = /x\n"),
    "the interpreter ": lambda w: change_mtime(w.interpreter),
    "the distributions in ": lambda w: (w.base / w.site / "b-1.dist-info").mkdir(),
    "not the one that the last sync made": lambda w: (w.venv / "pyvenv.cfg").write_text("localstack-sync = 4\n"),
    "venv's bin": lambda w: change_mtime(w.venv / "bin"),
    "site-packages": lambda w: (w.venv / w.site / "by-hand").mkdir(),
    "the machine is of another kind": lambda w: w.write_state(machine="pdp11"),
    "there has been no sync yet": lambda w: (w.extensions / STATE).unlink(),
    "cannot be read: it is not a state file": lambda w: (w.extensions / STATE).write_bytes(b"\0" * 0 + b"x\n" * 999),
    "the last sync was not finished": lambda w: (w.extensions / COMMIT).touch(),
    "the settings changed": lambda w: w.env.update(EXTENSION_AUTO_INSTALL="x"),
    "EXTENSION_UPGRADE": lambda w: w.env.update(EXTENSION_UPGRADE="true"),
}


@pytest.mark.parametrize("reason", CHANGES)
def test_a_change_brings_a_sync(world, reason):
    assert world.run("true").returncode == 0 and world.called() == []
    CHANGES[reason](world)
    done = world.run("true")
    assert done.returncode == 0 and reason in done.err
    assert world.called() == [f"sync --boot --root {world.root}"]


def test_copies_of_the_same_files_are_no_change(world):
    """Another container: other inodes, other change times."""
    shutil.copytree(world.root, world.tmp / "copy", symlinks=True)
    shutil.rmtree(world.root)
    (world.tmp / "copy").rename(world.root)
    assert world.run("true").err == "" and world.called() == []


def test_the_reconciler_is_looked_for_on_path(world):
    world.reconciler.rename(world.base / "bin/localstack-extensions")
    (world.conf / "extensions.txt").write_text("x\n")
    assert world.run("true").returncode == 0 and len(world.called()) == 1


def test_no_reconciler(world):
    world.reconciler.unlink()
    (world.conf / "extensions.txt").write_text("x\n")
    done = world.run("echo", "up")
    assert done.out == "up\n" and "localstack-extensions" in done.err and "EXTENSION_SYNC=never" in done.err
    assert world.run("echo", env={"EXTENSION_ON_ERROR": "abort"}).returncode == 3


@pytest.mark.parametrize("ends,status,says", [
    ("exit 1", 1, None),
    ("exit 2", 2, "exit status 2"),
    ("exit 3", 3, "exit status 3"),
    ("kill -SEGV $$", 139, "Segmentation fault"),
    ("kill -KILL $$", 137, "too little memory"),
    ("kill -TERM $$", 143, "signal 15"),
])
def test_a_reconciler_that_fails(world, ends, status, says):
    (world.conf / "extensions.txt").write_text("x\n")
    world.reconcile(ends)
    done = world.run("echo", "up")
    assert done.returncode == 0 and done.out == "up\n"
    if says:
        assert says in done.err and "EXTENSION_SYNC=never" in done.err
    done = world.run("echo", "up", env={"EXTENSION_ON_ERROR": "abort"})
    assert done.returncode == status and done.out == "" and "EXTENSION_ON_ERROR=abort" in done.err


@pytest.mark.parametrize("hangs", ["exec sleep 1000", "trap '' TERM; while :; do sleep 1000; done",
                                   "kill -STOP $$"])
def test_a_reconciler_that_hangs(world, hangs):
    (world.conf / "extensions.txt").write_text("x\n")
    held = Fifo(world.tmp / "held")
    world.reconcile(f"exec 9> {held.path}; {hangs}")
    done = world.run("echo", "up", env={"EXTENSION_SYNC_TIMEOUT": "1"})
    assert done.out == "up\n" and "EXTENSION_SYNC_TIMEOUT" in done.err and "EXTENSION_SYNC=never" in done.err
    held.wait_for_end()
    done = world.run("true", env={"EXTENSION_SYNC_TIMEOUT": "1", "EXTENSION_ON_ERROR": "abort"})
    assert done.returncode == 3


def test_sync_never(world):
    (world.conf / "extensions.txt").write_text("x\n")
    assert world.run("true", env={"EXTENSION_SYNC": "never"}).err == "" and world.called() == []
    (world.extensions / COMMIT).touch()
    assert world.run("true", env={"EXTENSION_SYNC": "never"}).returncode == 0
    assert world.called() == [f"sync --boot --recover-only --root {world.root}"]


def test_failures_that_only_an_edit_can_mend(world):
    failure = ("malformed", "foo bar", "EXTENSION_AUTO_INSTALL", "a blank in a name\\nand more")
    world.write_state([failure])
    done = world.run("echo", "up")
    assert done.out == "up\n" and world.called() == []
    for part in ("foo bar", "EXTENSION_AUTO_INSTALL", "a blank in a name\n", "EXTENSION_SYNC=never"):
        assert part in done.err
    done = world.run("echo", "up", env={"EXTENSION_ON_ERROR": "abort"})
    assert done.returncode == 1 and done.out == ""
    world.write_state([failure, ("failed", "x", "f:1", "no answer")])
    done = world.run("true")
    assert len(world.called()) == 1 and "tried again" in done.err


def test_bad_settings(world):
    (world.conf / "extensions.yaml").write_text("on-eror: abort\n")
    done = world.run("echo", "up")
    assert done.out == "up\n" and world.called() == []
    assert "extensions.yaml:1:1: there is no key" in done.err and "EXTENSION_SYNC=never" in done.err
    done = world.run("echo", "up", env={"EXTENSION_ON_ERROR": "abort"})
    assert done.returncode == 2 and done.out == ""
    (world.conf / "extensions.yaml").write_text("on-error: abort\nfoo: bar\n")
    assert world.run("true").returncode == 2
    (world.conf / "extensions.yaml").unlink()
    done = world.run("echo", "up", env={"EXTENSION_SYNC_TIMEOUT": "5m"})
    assert done.out == "up\n" and 'EXTENSION_SYNC_TIMEOUT has to be' in done.err and '"5m"' in done.err
    (world.extensions / COMMIT).touch()
    world.run("true", env={"EXTENSION_SYNC_TIMEOUT": "5m"})
    assert world.called() == [f"sync --boot --recover-only --root {world.root}"]


def test_never_gets_past_bad_settings_and_what_cannot_be_finished(world):
    never = {"EXTENSION_SYNC": "never", "EXTENSION_ON_ERROR": "abort"}
    (world.conf / "extensions.yaml").write_text("on-eror: abort\n")
    done = world.run("echo", "up", env=never)
    assert done.returncode == 0 and done.out == "up\n" and world.called() == [], done.err
    assert "there is no key" in done.err and done.err.endswith("The extensions stay as they are until this is mended\n")
    (world.extensions / COMMIT).touch()
    for text, says in (("exit 3", "exit status 3"), ("kill -KILL $$", "signal 9"), ("sleep 1000", "after 1 seconds")):
        world.reconcile(text)
        for yaml in ("on-eror: abort\n", "timeout: 1\n"):
            (world.conf / "extensions.yaml").write_text(yaml)
            done = world.run("echo", "up", env={**never, "EXTENSION_SYNC_TIMEOUT": "1"})
            assert done.returncode == 0 and done.out == "up\n" and says in done.err, done.err
            assert "EXTENSION_SYNC=never" not in done.err and "the boot ends here" not in done.err
    world.reconciler.unlink()
    done = world.run("echo", "up", env=never)
    assert done.out == "up\n" and "EXTENSION_SYNC=never" not in done.err, done.err
    assert world.run("echo", "up", env={"EXTENSION_ON_ERROR": "abort"}).returncode == 3


def test_log_settings(world):
    (world.conf / "extensions.txt").write_text("x\n")
    done = world.run("true", env={"EXTENSION_LOG_FORMAT": "json"})
    assert "extensions.txt changed" in json.loads(done.err)["message"]
    assert world.run("true", env={"EXTENSION_LOG_LEVEL": "warning"}).err == ""


# ---- hooks


def test_boot_hooks(world):
    world.hook_runner("import os, sys; print(sys.argv[1:], sys.executable, os.getcwd())")
    done = world.run("echo", "up")
    assert done.out == f"['BOOT'] {world.base}/bin/python3 {world.root}/opt/code/localstack\nup\n"
    (world.hooks / "hook.sh").unlink()
    assert world.run("echo", "up").out == "up\n"


def test_boot_hooks_come_after_the_extensions(world):
    (world.conf / "extensions.txt").write_text("x\n")
    world.hook_runner(f"open({str(world.calls)!r}, 'a').write('hooks\\n')")
    world.run("true")
    assert world.called() == [f"sync --boot --root {world.root}", "hooks"]


def test_boot_hooks_that_fail(world):
    world.hook_runner("import sys; sys.exit(9)")
    done = world.run("echo", "up")
    assert done.returncode == 9 and done.out == "" and "exit status 9" in done.err
    world.hook_runner("import os; os.kill(os.getpid(), 9)")
    assert world.run("echo", "up").returncode == 137
    (world.base / "bin/python3").unlink()
    done = world.run("echo", "up", env={"PATH": "/no/such"})
    assert done.returncode == 127 and "python3" in done.err


# ---- signals

NUMBERS = [signal.SIGTERM, signal.SIGINT]


def wait(process, seconds=LONG):
    try:
        process.out, process.err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("stubborn", ["", "trap '' TERM INT;"])
def test_a_signal_ends_the_sync(world, number, stubborn):
    (world.conf / "extensions.txt").write_text("x\n")
    ready, held = Fifo(world.tmp / "ready"), Fifo(world.tmp / "held")
    # A grandchild that does not die with its parent.
    world.reconcile(f"{stubborn} exec 9> {held.path}; sh -c 'trap \"\" TERM; sleep 1000' & "
                    f"echo up > {ready.path}; wait; sleep 1000")
    process = world.start("echo", "up")
    ready.read()
    process.send_signal(number)
    assert wait(process, 2) == 128 + number and process.out == ""
    held.wait_for_end()


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_ends_the_hooks(world, number):
    ready, held = Fifo(world.tmp / "ready"), Fifo(world.tmp / "held")
    world.hook_runner(f"import signal\nheld = open({str(held.path)!r}, 'w')\n"
                      f"open({str(ready.path)!r}, 'w').write('up')\nsignal.pause()")
    process = world.start("echo", "up")
    ready.read()
    process.send_signal(number)
    assert wait(process, 2) == 128 + number and process.out == ""
    held.wait_for_end()


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("ignored", [False, True])
def test_a_signal_from_before_the_first_line(world, number, ignored):
    def before():
        if ignored:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        else:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, NUMBERS)
        os.kill(os.getpid(), number)

    (world.conf / "extensions.txt").write_text("x\n")
    done = world.run("echo", "up", preexec_fn=before)
    assert done.returncode == 128 + number and done.out == "" and world.called() == []


def test_a_signal_right_before_exec(world):
    """One that comes while the last child ends is taken before the command is there."""
    world.hook_runner("import os, signal; os.kill(os.getppid(), signal.SIGTERM)")
    done = world.run("echo", "up")
    assert done.returncode == 143 and done.out == ""


def test_usr1_and_hup_are_dropped(world):
    world.hook_runner("import os, signal\nfor n in (signal.SIGUSR1, signal.SIGHUP): os.kill(os.getppid(), n)")
    assert world.run("echo", "up").out == "up\n"


def test_a_log_that_nobody_reads(world):
    (world.conf / "extensions.txt").write_text("x\n")
    reader, writer = os.pipe()
    os.close(reader)
    done = world.run("echo", "up", stderr=writer, preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
    os.close(writer)
    assert done.returncode == 0 and done.out == "up\n"


def test_orphans_are_reaped(world):
    def subreaper():
        import ctypes
        assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0

    world.hook_runner(
        "import os, sys, time\n"
        "r, w = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    if os.fork() == 0:\n"
        "        os.write(w, str(os.getpid()).encode())\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "orphan, end = os.read(r, 99).decode(), time.monotonic() + 20\n"
        "while os.path.exists('/proc/' + orphan):\n"
        "    os.sched_yield()\n"
        "    if time.monotonic() > end: sys.exit('not reaped')\n")
    done = world.run("echo", "up", preexec_fn=subreaper)
    assert done.out == "up\n", done.err


# ---- the unchanged boot

strace = pytest.mark.skipif(SANITIZED or not shutil.which("strace"), reason="needs strace and the static program")
WRITES = re.compile(r"^\d+ +(\w*(unlink|rename|link|symlink|rmdir|chmod|chown|mknod|truncate|utime|setxattr|mount|"
                    r"fallocate|sync)\w*\(|open.*(O_CREAT|O_WRONLY|O_RDWR|O_TRUNC|O_TMPFILE))")
CHILDREN = re.compile(r"^\d+ +(fork|vfork|clone|clone3|socket|connect)\(")


def calls_until_exec(world, env=None):
    log = world.tmp / "strace"
    subprocess.run(["strace", "-f", "-y", "-s", "300", "-o", str(log), *world.argv("/bin/true")], check=True, timeout=LONG,
                   env={k: v for k, v in {**world.env, **(env or {})}.items() if v is not None},
                   stdin=subprocess.DEVNULL)
    lines = log.read_text().splitlines()
    last = max(i for i, line in enumerate(lines) if "execve(" in line)
    assert "/bin/true" in lines[last] and "= 0" in lines[last]
    return lines[:last + 1]


@strace
@pytest.mark.parametrize("env", [{}, {"HOME": None}, {"PIP_CONFIG_FILE": None, "XDG_CONFIG_DIRS": "/no/such"}])
def test_unchanged_boot(world, env):
    if "PIP_CONFIG_FILE" in env and "index" in (Path("/etc/pip.conf").exists() and Path("/etc/pip.conf").read_text() or ""):
        pytest.skip("this machine's /etc/pip.conf changes the settings")
    world.run("true", env=env)  # the first one makes the folders
    before = {p: p.lstat().st_mtime_ns for p in world.root.rglob("*")}
    calls = calls_until_exec(world, env)
    on_volume = [line for line in calls[1:-1] if str(world.volume) in line]
    assert len(calls) <= 150, "\n".join(calls)
    assert len(on_volume) <= 16, "\n".join(on_volume)
    assert not [line for line in calls if CHILDREN.search(line)]
    assert not [line for line in calls if WRITES.search(line) and " readlink" not in line]
    # That the folder for logs is there is seen by making it.
    assert [line for line in calls if "mkdir" in line and "EEXIST" not in line] == []
    assert {p: p.lstat().st_mtime_ns for p in world.root.rglob("*")} == before
    assert world.called() == []
    print(len(calls), "system calls,", len(on_volume), "on the volume")
