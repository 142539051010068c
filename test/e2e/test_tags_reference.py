# SPDX-License-Identifier: Apache-2.0
"""The tags that tags_make makes, in their order, against packaging.tags: for the interpreters of this machine, asked in
themselves, and for made-up ones."""

import os
import random
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace

import packaging
import pytest
from packaging import tags
from packaging.version import Version

TOOL = Path(os.environ.get("BUILD_DIR", "build")).resolve() / "tools" / "tags"

# What pip's get_supported does when nothing is asked for by option, and what the C side has to know for it.
IN_INTERPRETER = """
import sys
sys.path.insert(0, sys.argv[1])
import sysconfig
from packaging import _manylinux, _musllinux, tags
glibc = _manylinux._get_glibc_version()
musl = _musllinux._get_musl_version(sys.executable)
fields = {
    "implementation": sys.implementation.name,
    "version": "%d.%d" % sys.version_info[:2],
    "soabi": sysconfig.get_config_var("SOABI") or "",
    "free_threaded": int(bool(sysconfig.get_config_var("Py_GIL_DISABLED"))),
    "debug": int(bool(sysconfig.get_config_var("Py_DEBUG"))),
    "platform": sysconfig.get_platform(),
    "is_64bit": int(sys.maxsize > 2**32),
    "armhf": int(_manylinux._is_linux_armhf(sys.executable)),
}
if glibc > (0, 0):
    fields["glibc"] = "%d.%d" % glibc
if musl:
    fields["musl"] = "%d.%d" % musl
print("\\t".join("%s=%s" % item for item in fields.items()))
name = tags.interpreter_name()
own = name + tags.interpreter_version()
found = list(tags.cpython_tags() if name == "cp" else tags.generic_tags(own))
for tag in found + list(tags.compatible_tags(interpreter=own)):
    print(tag)
"""


def interpreters():
    """Every Python that answers to a name, once."""
    names = [sys.executable, "/usr/bin/python3"] + [
        f"{name}{suffix}" for name in ("python3.", "pypy3.") for suffix in ("10", "11", "12", "13", "13t", "14", "14t")
    ]
    found = {}
    for name in names:
        path = shutil.which(name)
        if path and subprocess.run([path, "-I", "-c", ""], capture_output=True).returncode == 0:
            found.setdefault(os.path.realpath(path), path)
    return sorted(found.values())


def ask(lines):
    """The answer to each line: a list of the lines that the tool printed."""
    out = subprocess.run([TOOL], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True).stdout
    answers = [block.split("\n") for block in out.split("\n\n")[:-1]]
    assert len(answers) == len(lines)
    return answers


def line_of(env, **more):
    return "\t".join(f"{key}={value}" for key, value in {**env, **more}.items())


def without_doubles(listed):
    return list(dict.fromkeys(str(tag) for tag in listed))


def test_packaging_is_the_one_that_the_order_comes_from():
    assert Version(packaging.__version__) >= Version("26.3"), "older ones put linux_* behind manylinux_*"


@pytest.mark.parametrize("interpreter", interpreters())
def test_interpreter_of_this_machine(interpreter):
    folder = Path(packaging.__file__).parents[1]
    run = [interpreter, "-I", "-c", IN_INTERPRETER, folder]
    env, *wanted = subprocess.run(run, capture_output=True, text=True, check=True).stdout.splitlines()
    assert ask([env])[0] == without_doubles(wanted)


def environment(**given):
    return {"implementation": "cpython", "version": "3.13", "soabi": "", "free_threaded": 0, "debug": 0,
            "platform": "linux-x86_64", "is_64bit": 1, **given}


def two(text):
    return tuple(int(part) for part in text.split("."))


def reference(monkeypatch, env):
    """packaging's answer, made to believe that it runs in that environment."""
    variables = {
        "SOABI": env["soabi"],
        "EXT_SUFFIX": f".{env['soabi']}.so" if env["soabi"] else "..so",
        "Py_GIL_DISABLED": env["free_threaded"],
        "Py_DEBUG": env["debug"],
    }
    glibc, musl = two(env.get("glibc", "-1.-1")), env.get("musl")
    version, name = two(env["version"]), tags.INTERPRETER_SHORT_NAMES.get(env["implementation"], env["implementation"])
    with monkeypatch.context() as m:
        m.setattr(tags, "_get_config_var", lambda key, warn=False: variables.get(key))
        m.setattr(sysconfig, "get_platform", lambda: env["platform"])
        m.setattr(tags._manylinux, "_get_glibc_version", lambda: tags._manylinux._GLibCVersion(*glibc))
        m.setattr(tags._manylinux, "_is_linux_armhf", lambda executable: bool(env.get("armhf")))
        m.setattr(tags._manylinux, "_is_linux_i686", lambda executable: not env["is_64bit"])
        m.setattr(tags._musllinux, "_get_musl_version",
                  lambda executable: SimpleNamespace(major=two(musl)[0], minor=two(musl)[1]) if musl else None)
        platforms = list(tags._linux_platforms(is_32bit=not env["is_64bit"]))
        own = f"{name}{version[0]}{version[1]}"
        if name == "cp":
            first = list(tags.cpython_tags(version, platforms=platforms))
        else:
            first = list(tags.generic_tags(own, platforms=platforms))
        return without_doubles(first + list(tags.compatible_tags(version, own, platforms)))


MADE_UP = (
    [environment(version=f"3.{minor}", glibc="2.36") for minor in range(10, 16)]
    + [environment(glibc=f"2.{minor}") for minor in range(17, 42)]
    + [environment(glibc=f"2.{minor}", platform="linux-aarch64") for minor in range(17, 42)]
    + [environment(glibc=glibc) for glibc in ("2.4", "2.5", "2.12", "2.16", "3.2")]
    + [environment(glibc="2.16", platform="linux-aarch64")]
    + [environment(version=f"3.{minor}", free_threaded=1, glibc="2.41") for minor in (12, 13, 14, 15)]
    + [environment(debug=1, glibc="2.36"), environment(debug=1, free_threaded=1, version="3.14", glibc="2.36")]
    + [environment(musl="1.2"), environment(musl="1.2", platform="linux-aarch64"), environment(musl="1.0")]
    + [environment(is_64bit=0, glibc="2.36"), environment(is_64bit=0, platform="linux-i686", glibc="2.31")]
    + [environment(is_64bit=0, musl="1.2")]
    + [environment(is_64bit=0, platform=platform, glibc="2.36", armhf=armhf)
       for platform in ("linux-aarch64", "linux-armv7l", "linux-armv8l", "linux-armv6l") for armhf in (0, 1)]
    + [environment(platform=f"linux-{arch}", glibc="2.40")
       for arch in ("ppc64", "ppc64le", "s390x", "riscv64", "loongarch64", "mips64")]
    + [environment(platform=platform) for platform in ("linux-x86_64", "freebsd-14.1-RELEASE-amd64", "Linux x.86-64")]
    + [environment(implementation=name, soabi=soabi, version=version, glibc="2.36") for name, soabi, version in (
        ("pypy", "pypy310-pp73-x86_64-linux-gnu", "3.10"),
        ("pypy", "pypy311-pp73", "3.11"),
        ("graalpy", "graalpy242-311-native-x86_64-linux", "3.11"),
        ("pyston", "pyston_23-x86_64-linux-gnu", "3.10"),
        ("odd", "cpython-310-x86_64-linux-gnu", "3.10"),
        ("odd", "cp310-win_amd64", "3.10"),
        ("ironpython", "none", "3.10"),
        ("jython", "", "3.10"),
    )]
)


def test_made_up_environments(monkeypatch):
    answers = ask([line_of(env) for env in MADE_UP])
    for env, answer in zip(MADE_UP, answers):
        assert answer == reference(monkeypatch, env), env


def test_rank_of_compressed_sets(monkeypatch):
    env = environment(glibc="2.36")
    ranks = {tag: rank for rank, tag in enumerate(reference(monkeypatch, env))}
    pick = random.Random(425).choice
    parts = [
        ["cp313", "cp312", "cp39", "cp27", "py2", "py3", "py313", "PY39", "pp310"],
        ["cp313", "abi3", "none", "None", "cp312", "cp313t"],
        ["any", "linux_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64", "ANY",
         "manylinux_2_39_x86_64", "win_amd64", "musllinux_1_2_x86_64"],
    ]
    sets = ["-".join(".".join(pick(part) for _ in range(pick([1, 1, 2, 3]))) for part in parts) for _ in range(2000)]
    answers = ask([line_of(env, rank=text) for text in sets])
    supported = 0
    for text, (answer,) in zip(sets, answers):
        found = [ranks[str(tag)] for tag in tags.parse_tag(text) if str(tag) in ranks]
        assert int(answer) == min(found, default=-1), text
        supported += bool(found)
    assert 200 < supported < 1900
