# SPDX-License-Identifier: Apache-2.0
"""What several files of tests install, and look at afterwards."""

import base64
import contextlib
import csv
import hashlib
import os
import pathlib
import shutil
import subprocess

from small_world import LASTING


def demo_set(index):
    """What real extensions are like: one that leans on the base, one with a dependency of its own."""
    index.add("viewer", "1.0", ["werkzeug>=3"], {"viewer/__init__.py": "import werkzeug\n"},
              {"localstack.extensions": {"viewer": "viewer:Viewer"}})
    index.add("lib-one", "2.5")
    index.add("typed", "0.3", ["Lib_One>=2"], {"typed/__init__.py": "import lib_one\n", "typed/cli.py": "def main(): print('typed')\n"},
              {"localstack.extensions": {"typed": "typed:Typed"}, "console_scripts": {"typed-cli": "typed.cli:main"}})


def three_distributions(index):
    """One that leans on the base, one with a dependency of its own and a script."""
    index.add("viewer", "1.0", ["werkzeug>=3"], {"viewer.py": "import werkzeug\n"},
              {"localstack.extensions": {"viewer": "viewer:Viewer"}})
    index.add("lib-one", "2.5", files={"lib_one.py": "version = '2.5'\n"})
    index.add("typed", "0.3", ["lib-one>=2"], {"typed.py": "def main(): print('typed')\n"},
              {"console_scripts": {"typed-cli": "typed:main"}})


def tree(folder):
    """Every path below a folder with what tells a change: kind, size, mtime, link."""
    out = {}
    for top, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(top, name)
            stat = os.lstat(path)
            out[path] = (stat.st_mode, stat.st_size, stat.st_mtime_ns, os.readlink(path) if os.path.islink(path) else None)
    return out


def contents(folder):
    """Everything in a folder with what it is: mode, bytes, where a link leads; None without the folder."""
    if not folder.exists():
        return None
    out = {}
    for top, folders, files in os.walk(folder):
        for name in folders + files:
            path = pathlib.Path(top, name)
            data = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            out[path.relative_to(folder).as_posix()] = oct(path.lstat().st_mode), data
    return out


def difference(is_there, wanted):
    is_there, wanted = is_there or {}, wanted or {}
    return sorted(name for name in is_there.keys() | wanted.keys() if is_there.get(name) != wanted.get(name))


def check_records(root, but="\0"):
    """Every distribution's RECORD names what is there, and is right."""
    for info in root.site.glob("*.dist-info"):
        if info.name.startswith(but):
            continue
        rows = list(csv.reader((info / "RECORD").read_text().splitlines()))
        assert rows, info
        for path, digest, size in rows:
            full = root.site / path
            assert full.exists(), (info.name, path)
            if digest:
                algorithm, value = digest.split("=", 1)
                data = full.read_bytes()
                made = base64.urlsafe_b64encode(hashlib.new(algorithm, data).digest()).rstrip(b"=").decode()
                assert (made, str(len(data))) == (value, size), (info.name, path)


class Keep:
    """The volume as it was, to start from again."""

    def __init__(self, root, folder):
        self.root, self.folder = root, folder
        subprocess.run(["cp", "-a", root.volume, folder], check=True)

    def restore(self):
        shutil.rmtree(self.root.volume)
        subprocess.run(["cp", "-a", self.folder, self.root.volume], check=True)


def leftovers(root):
    return [p.name for p in root.extensions.iterdir() if p.name not in LASTING]


@contextlib.contextmanager
def another_sync(root):
    """Another process has the lock of a sync while the context lasts."""
    holder = subprocess.Popen(
        ["python3", "-c", "import fcntl, struct, sys; f = open(sys.argv[1], 'r+b');"
         "fcntl.fcntl(f, 37, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0)); print('held', flush=True); sys.stdin.read()",
         str(root.extensions / ".localstack-extensions.lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        yield
    finally:
        holder.communicate()
