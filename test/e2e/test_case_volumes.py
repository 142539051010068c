# SPDX-License-Identifier: Apache-2.0
"""Volumes on which names that differ by case or Unicode normalisation alone are names of one file, as on shared folders of macOS and
Windows: all that is done to a venv works there, and what such a volume cannot hold is refused with the reason, the rest installed."""

import os

import pytest

from volumes import Mounted

pytestmark = pytest.mark.skipif(not os.access("/dev/fuse", os.W_OK), reason="no /dev/fuse")

# What a mount of CIFS lacks besides.
CIFS = ("link:EOPNOTSUPP", "symlink:EOPNOTSUPP", "exchange:EINVAL", "mode:EPERM", "time:EPERM")
COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


@pytest.fixture
def folding(root, mounts, tmp_path):
    def mount(*refused):
        (tmp_path / "folder").mkdir()
        refuse = [arg for what in refused for arg in ("--refuse", what)]
        mounts.serve(root.programs.folder / "tools/volume", "--fold", *refuse, tmp_path / "folder")
        return mounts

    return mount


@pytest.fixture
def life(root, index, folding):
    return Mounted(root, index, folding())


@pytest.mark.parametrize("lacks", [(), CIFS])
def test_life(root, index, folding, lacks):
    assert Mounted(root, index, folding(*lacks)).live() == [[], [], []]


def test_life_without_locks(root, index, folding):
    for said in Mounted(root, index, folding("lock:ENOLCK", "flock:ENOLCK")).live():
        assert len(said) == 1 and "this volume has no file locks" in said[0], said


def test_rebuild(life):
    installed = {"viewer": "1.0", "typed": "0.3", "lib-one": "2.5"}
    life.boot("typed,viewer", installed)
    (life.root.venv / "bin/python3").unlink()
    assert "made anew" in life.boot("typed,viewer", installed)


# ---- names that are one on such a volume

def sync(life, wanted, status):
    done = life.root.run("sync", env={"EXTENSION_AUTO_INSTALL": wanted}, wrap=life.wrap)
    assert done.status == status, done
    return done


def refused(done, name, *reason):
    lines = [line for line in done.err.splitlines() if f" {name} (EXTENSION_AUTO_INSTALL) is set aside: " in line]
    assert len(lines) == 1 and all(part in lines[0] for part in reason), (name, done)


ONE = "which does not distinguish case or Unicode forms"
TWINS = {
    "files": {"a/Data.txt": "1", "a/data.txt": "2"},
    "folders": {"twins/__init__.py": "", "Twins/other.py": ""},
    "both": {"both.py/a.py": "", "Both.py": ""},
    "forms": {f"b/{COMPOSED}.txt": "1", f"b/{DECOMPOSED}.txt": "2"},
    "folders-forms": {f"{COMPOSED}/a.txt": "1", f"{DECOMPOSED}/b.txt": "2"},
}


@pytest.mark.parametrize("cache", ["on the volume", "elsewhere"])
def test_wheels_with_twins(life, index, tmp_path, cache):
    for name, files in TWINS.items():
        index.add(name, "1.0", files=files)
    if cache == "elsewhere":
        life.root.env["EXTENSION_CACHE_DIR"] = str(tmp_path / "cache")
    done = sync(life, ",".join([*TWINS, "viewer"]), 1)
    for name in TWINS:
        refused(done, name, ONE)
    life.check({"viewer": "1.0"}, done)


OTHERS = {
    "files": ({"shared.txt": "1"}, {"Shared.txt": "2"}, "Shared.txt is there as shared.txt"),
    "folders": ({"shared/a.py": "1"}, {"Shared/b.py": "2"}, "Shared is there as shared"),
    "forms": ({f"{COMPOSED}/a.py": "1"}, {f"{DECOMPOSED}/b.py": "2"}, f"{DECOMPOSED} is there as {COMPOSED}"),
}


def test_twins_of_two_distributions(life, index):
    for name, (one, two, _) in OTHERS.items():
        index.add(f"{name}-one", "1.0", files=one)
        index.add(f"{name}-two", "1.0", files=two)
    done = sync(life, ",".join(["viewer", *(f"{name}-{which}" for name in OTHERS for which in ("one", "two"))]), 1)
    for name, (_, _, reason) in OTHERS.items():
        refused(done, f"{name}-two", reason, ONE)
    life.check({"viewer": "1.0", **{f"{name}-one": "1.0" for name in OTHERS}}, done)


def test_programs_of_one_name(life, index):
    index.add("alpha", "1.0", entry_points={"console_scripts": {"Tool": "alpha:main"}})
    index.add("beta", "1.0", entry_points={"console_scripts": {"tool": "beta:main"}})
    index.add("gamma", "1.0", data_files={"scripts/TOOL": "#!/bin/sh\n"})
    done = sync(life, "alpha,beta,gamma", 1)
    for name in ("beta", "gamma"):
        refused(done, name, "is there as Tool", ONE)
    assert life.root.installed() == {"alpha": "1.0"}


OWN = {
    "own-cfg": ({"data/PYVENV.CFG": ""}, "PYVENV.CFG, which is the venv's own"),
    "own-conf": ({"data/Pip.Conf": "[global]\nindex-url = https://example.org\n"}, "which is the venv's own"),
    "own-pip": ({"scripts/PIP": "#!python\n"}, "which is the venv's own"),
    "own-activate": ({"scripts/activate.PS1": "#!python\n"}, "activate.PS1 is there as Activate.ps1"),
    "own-pth": ({"purelib/LocalStack-Venv.pth": "/tmp\n"}, "which is the venv's own"),
    "own-lib64": ({"data/LIB64/x": ""}, "LIB64/x, which is the venv's own"),
    "own-info": ({"data/LIB/{python}/site-packages/viewer-1.0.dist-info/INSTALLER": "pip"}, "LIB is there as lib"),
}


def test_the_venvs_own_by_another_spelling(life, index):
    for name, (data, _) in OWN.items():
        index.add(name, "1.0", data_files={path.format(python=life.root.python): text for path, text in data.items()})
    done = sync(life, ",".join([*OWN, "viewer"]), 1)
    for name, (_, reason) in OWN.items():
        refused(done, name, reason)
    life.check({"viewer": "1.0"}, done)


def test_a_repair_takes_nobodys_file_by_another_spelling(life, index):
    """What has lost its RECORD is put over files that may have been its own, and over no others."""
    index.add("beta", "1.0", files={"beta.py": "2", "Mine.py": "3"})
    life.boot("beta,viewer", {"beta": "1.0", "viewer": "1.0"})
    (life.root.site / "Mine.py").unlink()
    (life.root.site / "mine.py").write_text("1")
    (life.root.site / "beta-1.0.dist-info/RECORD").unlink()
    assert life.root.run("check", wrap=life.wrap).status == 1
    refused(sync(life, "beta,viewer", 1), "beta", "Mine.py is there as mine.py", ONE)
    assert (life.root.site / "mine.py").read_text() == "1"


def test_a_package_that_changes_its_case(life, index):
    """And its distribution's name with it; what stays is found by its import."""
    index.add("Foo", "1.0", files={"Foo/__init__.py": "version = 1\n", "Foo/gone.py": "", "Case.py": ""},
              entry_points={"console_scripts": {"Foo": "Foo:main"}})
    index.add("stays", "1.0", ["foo"])
    life.boot("stays,viewer", {"foo": "1.0", "stays": "1.0", "viewer": "1.0"})
    assert life.root.localstack_sees("import Foo; print(Foo.version)") == "1"
    index.add("foo", "2.0", files={"foo/__init__.py": "version = 2\n", "case.py": ""}, entry_points={"console_scripts": {"foo": "foo:main"}})
    life.boot("stays,viewer,foo>=2", {"foo": "2.0", "stays": "1.0", "viewer": "1.0"})
    assert life.root.localstack_sees("import foo; print(foo.version)") == "2"
    assert {"foo", "case.py"} <= set(os.listdir(life.root.site)) and "foo" in os.listdir(life.root.venv / "bin")
    assert set(os.listdir(life.root.site / "foo")) == {"__init__.py", "__pycache__"}


def test_pip(life, index):
    """What it installs by hand stays, the rest goes; also where it has changed a name's case."""
    for version, module in (("1.0", "Hand"), ("2.0", "hand")):
        index.add("hand", version, files={f"{module}/__init__.py": "", f"{module}/more.py": ""})
    life.boot("viewer", {"viewer": "1.0"})
    for version in ("1.0", "2.0"):
        ran = life.inside("bin/pip", "install", "--index-url", index.server.url, f"hand=={version}")
        assert ran.returncode == 0, ran
        life.boot("viewer,lib-one", {"viewer": "1.0", "hand": version, "lib-one": "2.5"})
        life.boot("viewer", {"viewer": "1.0", "hand": version})
    assert "hand" in os.listdir(life.root.site)
    ran = life.inside("bin/pip", "uninstall", "-y", "hand", "viewer")
    assert ran.returncode == 0, ran
    life.boot("viewer", {"viewer": "1.0"})
    assert not (life.root.site / "hand").exists()
