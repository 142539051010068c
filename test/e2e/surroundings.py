# SPDX-License-Identifier: Apache-2.0
"""What a command was given by a boot, as it sees it itself, and what it would have been given without one."""

import json
import os
import re
import subprocess
import sys

from conftest import LONG, Result
from sources import make_source
from wheels import make_wheel

MODES = ["exec", "--init", "--supervise"]
WANTED = "typed,viewer"
INSTALLED = {"viewer": "1.0", "typed": "0.3", "lib-one": "2.5"}

# Writes down what it was given: argv[1] is the file for it, argv[2] how it exits.
LOOK = """
import json, os, sys
fds = {}
for name in os.listdir("/proc/self/fd"):
    try:
        fds[name] = os.readlink("/proc/self/fd/" + name)
    except FileNotFoundError:  # the listing's own
        pass
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
with open("/proc/self/environ", "rb") as f:
    env = f.read().decode("latin-1").split("\\0")[:-1]
out = open(sys.argv[1], "w")
json.dump({"env": env, "cwd": os.getcwd(), "fds": fds, "status": {k: v.split() for k, v in status.items()}}, out)
out.close()
sys.exit(int(sys.argv[2]))
"""
STATUS = 7
# What tells of signals, rights and limits; not what differs between any two processes.
SAME = re.compile(r"Uid|Gid|Groups|NoNewPrivs|Seccomp|Cap\w+|Sig(?!Q)\w+|ShdPnd|Umask")

# Becomes argv[2:] with the environment that stands in the file argv[1], whatever that is.
RAW = """
import ctypes, os, sys
entries = open(sys.argv[1], "rb").read().split(b"\\0")[:-1]
strings = lambda items: (ctypes.c_char_p * (len(items) + 1))(*items, None)
argv = [os.fsencode(a) for a in sys.argv[2:]]
libc = ctypes.CDLL(None, use_errno=True)
libc.execve(argv[0], strings(argv), strings(entries))
sys.exit(f"cannot exec: {os.strerror(ctypes.get_errno())}")
"""


def get(entries, name):
    """Of an environment that is a list of bytes: as getenv(3)."""
    return next((e[len(name) + 1:] for e in entries if e.startswith(name + b"=")), None)


def put(entries, name, value):
    """The first of that name is set, further ones are dropped."""
    out, left = [], [name + b"=" + value] if value is not None else []
    for entry in entries:
        if not entry.startswith(name + b"="):
            out.append(entry)
        elif left:
            out.append(left.pop())
    return out + left


def expected_env(root, entries, mode="exec", home=None, pid=None):
    """What the manual says of the environment: LOCALSTACK_NAME counts as NAME, the base is active, HOME can be used."""
    stripped = {}
    for entry in entries:
        name, equals, value = entry.partition(b"=")
        if equals and re.match(rb"LOCALSTACK_(?!HOST|\d|$)", name):
            stripped.setdefault(name[len(b"LOCALSTACK_"):], value)
    out, done = [], set()
    for entry in entries:
        name, equals, _ = entry.partition(b"=")
        if equals and name in stripped:
            entry = name + b"=" + stripped[name]
            done.add(name)
        out.append(entry)
    out += [name + b"=" + value for name, value in stripped.items() if name not in done]
    bin = os.fsencode(root.base / "bin")
    path = get(out, b"PATH") or b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    out = put(out, b"PATH", bin + b":" + path)
    out = put(out, b"VIRTUAL_ENV", os.fsencode(root.base))
    out = put(out, b"VIRTUAL_ENV_PROMPT", b".venv")
    out = put(out, b"PYTHONHOME", None)
    if home is not None:
        out = put(out, b"HOME", os.fsencode(home))
    if mode == "--supervise":
        out = put(out, b"SUPERVISOR_PID", b"%d" % pid)
    return out


class Surroundings:
    """A root whose wheels lie in a folder, and boots of it in all modes, by anybody."""

    def __init__(self, root, tmp_path):
        self.root, self.tmp = root, tmp_path
        self.wheels, self.out = tmp_path / "wheels", tmp_path / "out"
        self.out.mkdir()
        self.out.chmod(0o777)
        demo_wheels(self.wheels)
        self.env = {**root.env, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), "EXTENSION_AUTO_INSTALL": WANTED}
        self.count = 0

    def hook(self):
        """Something for the runner of BOOT hooks, which says so."""
        folder = self.root.folder / "etc/localstack/init/boot.d"
        folder.mkdir(parents=True)
        (folder / "hook.sh").touch()

    def source(self, name):
        make_source(self.wheels, name, "1.0", static=True)

    def report(self):
        """A file for the command's."""
        self.count += 1
        return self.out / f"report-{self.count}"

    def argv(self, mode, report, status=STATUS):
        options = [] if mode == "exec" else [mode]
        return [str(self.root.programs.entrypoint), "--root", str(self.root.folder), *options, "--", *look(report, status)]

    def boot(self, mode="exec", *, wrap=(), env=None, raw=None, status=STATUS, **how):
        """Boots, and returns what was said with what the command saw as `saw`; the command has to have run and exited as it
        does. raw: the environment as a list of bytes."""
        report = self.report()
        argv = self.argv(mode, report)
        if raw is not None:
            argv = [*raw_exec(self.tmp / "environment", raw), *argv]
        argv = [*map(str, wrap), *argv]
        merged = {k: str(v) for k, v in {**self.env, **(env or {})}.items() if v is not None}
        how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": "/", **how}
        process = subprocess.Popen(argv, env=merged, **how)
        out, err = process.communicate(timeout=LONG)
        done = Result(process)
        done.status, done.out, done.err = process.returncode, *(x and x.decode(errors="replace") for x in (out, err))
        done.out, done.err, done.pid = done.out or "", done.err or "", process.pid
        if status is not None:
            assert done.status == status, done
        done.saw = json.loads(report.read_text()) if report.exists() else None
        if done.saw and status is not None:
            assert done.saw["cwd"] == str(self.root.folder / "opt/code/localstack"), done
        return done

    def both(self, mode="exec", **how):
        """The first boot, which installs, and the second, which has nothing to do and nothing to say."""
        first = self.boot(mode, **how)
        self.has_installed(first)
        second = self.boot(mode, **how)
        assert second.err == "", second
        return first, second

    def has_installed(self, done, installed=INSTALLED):
        assert "error: " not in done.err and done.saw, done
        assert self.root.installed() == installed, done

    def direct(self, wrap=(), **how):
        """What the command sees without us."""
        report = self.report()
        how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": self.env, **how}
        process = subprocess.Popen([*map(str, wrap), *look(report)], **how)
        process.communicate(timeout=LONG)
        assert process.returncode == STATUS
        return json.loads(report.read_text())


def look(report, status=STATUS):
    return ["/usr/bin/python3", "-IS", "-c", LOOK, str(report), str(status)]


def raw_exec(file, entries):
    file.write_bytes(b"".join(e + b"\0" for e in entries))
    return [sys.executable, "-IS", "-c", RAW, str(file)]


def demo_wheels(folder):
    make_wheel(folder, "viewer", "1.0", ["werkzeug>=3"], {"viewer/__init__.py": "import werkzeug\n"})
    make_wheel(folder, "lib-one", "2.5")
    make_wheel(folder, "typed", "0.3", ["lib-one>=2"], {"typed/__init__.py": "import lib_one\n", "typed/cli.py": "def main(): print('typed')\n"},
               {"console_scripts": {"typed-cli": "typed.cli:main"}})


def same(status):
    return {k: v for k, v in status.items() if SAME.fullmatch(k)}


def as_user(uid, *options):
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *options, "--"]


WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"]
