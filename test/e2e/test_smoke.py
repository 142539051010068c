# SPDX-License-Identifier: Apache-2.0
"""The two programs start, and do what they are there for. These run in a second or two, for programs of another machine too
(scripts/e2e build/aarch64-linux-gnu -k test_smoke)."""

import json
import subprocess

import pytest

from wheels import make_wheel


@pytest.mark.parametrize("name", ["localstack-entrypoint", "localstack-extensions"])
def test_each_says_what_it_is(programs, name):
    done = subprocess.run([programs.folder / name, "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{name} ") and done.stdout.count("\n") == 1, done.stdout


def test_help(programs):
    done = subprocess.run([programs.extensions, "help"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("usage: localstack-extensions COMMAND"), done


@pytest.fixture
def linked(root, tmp_path):
    """A root that finds wheels in a folder, and nowhere else."""
    make_wheel(tmp_path / "links", "greeter", "1.0", ["helper>=2"], {"greeter.py": "import helper\nprint('hello from', helper.name)\n"})
    make_wheel(tmp_path / "links", "helper", "2.1", files={"helper.py": "name = 'the helper'\n"})
    root.env.update(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path / "links"))
    return root


def test_plan_and_sync(linked):
    assert [(i["name"], i["version"]) for i in linked.plan("greeter")["install"]] == [("greeter", "1.0"), ("helper", "2.1")]
    assert linked.installed() == {}
    linked.sync("greeter")
    assert linked.installed() == {"greeter": "1.0", "helper": "2.1"}
    assert linked.localstack_sees("import greeter") == "hello from the helper"
    done = linked.run("list", "--format", "json")
    assert sorted(d["name"] for d in json.loads(done.out)) == ["greeter", "helper"], done


def test_boots(linked):
    linked.requirements("greeter\n")
    first = linked.boot("/bin/sh", "-c", "echo started")
    assert (first.status, first.out) == (0, "started\n") and "installed greeter 1.0, helper 2.1" in first.err, first
    second = linked.boot("/bin/sh", "-c", "echo started; exit 7")
    assert (second.status, second.out, second.err) == (7, "started\n", ""), second
    linked.requirements("helper\n")
    third = linked.boot("/bin/sh", "-c", "echo started")
    assert third.out == "started\n" and "removed greeter 1.0" in third.err, third
    assert linked.installed() == {"helper": "2.1"}
