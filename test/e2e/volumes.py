# SPDX-License-Identifier: Apache-2.0
"""What a venv goes through on a volume that lacks something."""

import re
import subprocess

from checks import check_records, demo_set, leftovers

RUN_ON = {"PATH": "/usr/bin:/bin"}  # of what the venv has


def settled(root, wanted, wrap=()):
    """A boot that has nothing to do: one that starts the reconciler says why."""
    done = root.boot("/bin/echo", "booted", env={"EXTENSION_AUTO_INSTALL": wanted}, wrap=wrap)
    assert (done.status, done.out, done.err) == (0, "booted\n", ""), done


class Life:
    """A first sync, an update and a removal, each at a boot; what is said of the volume comes back."""

    def __init__(self, root, index, wrap=(), program=True):
        self.root, self.index, self.wrap, self.program = root, index, wrap, program
        demo_set(index)

    def boot(self, wanted, installed):
        done = self.root.boot("/bin/echo", "booted", env={"EXTENSION_AUTO_INSTALL": wanted}, wrap=self.wrap)
        assert (done.status, done.out) == (0, "booted\n") and "error: " not in done.err, done
        self.check(installed, done)
        settled(self.root, wanted, self.wrap)
        return done.err

    def check(self, installed, done):
        assert self.root.installed() == installed, done
        check_records(self.root)
        assert leftovers(self.root) == []
        assert (self.root.venv / "bin/typed-cli").exists() == ("typed" in installed)
        if self.program and "typed" in installed:
            ran = self.inside("bin/typed-cli")
            assert ran.stdout == "typed\n", ran
        assert self.root.localstack_sees("import viewer; print(viewer.__file__.endswith('viewer/__init__.py'))") == "True"

    def inside(self, program, *args):
        """Runs a program of the venv."""
        return subprocess.run([self.root.venv / program, *args], env=RUN_ON, capture_output=True, text=True)

    def live(self):
        first = self.boot("typed,viewer", {"viewer": "1.0", "typed": "0.3", "lib-one": "2.5"})
        self.index.add("lib-one", "2.6", files={"lib_one/__init__.py": "version = '2.6'\n", "lib_one/more.py": ""})
        update = self.boot("typed,viewer,lib-one>=2.6", {"viewer": "1.0", "typed": "0.3", "lib-one": "2.6"})
        assert self.root.localstack_sees("import lib_one; print(lib_one.version)") == "2.6"
        removal = self.boot("viewer", {"viewer": "1.0"})
        assert "made anew" not in update + removal
        self.boot("typed,viewer", {"viewer": "1.0", "typed": "0.3", "lib-one": "2.6"})
        looked = self.root.run("check", wrap=self.wrap)
        assert looked.status == 0, looked
        return [re.findall("warning: (.*)", said) for said in (first, update, removal)]


class Mounted(Life):
    """The same where only the namespace sees the volume."""

    def __init__(self, root, index, mounts, **more):
        super().__init__(mounts.root(root), index, mounts.prefix, **more)
        self.venv = root.venv

    def inside(self, program, *args):
        return subprocess.run([*self.wrap, self.venv / program, *map(str, args)], env={**RUN_ON, "HOME": self.root.env["HOME"]},
                              capture_output=True, text=True)
