# SPDX-License-Identifier: Apache-2.0
"""No descriptor is closed twice: its number may by then be another thread's, whose file would be closed under it."""

import re
import shutil

import pytest

from repositories import Repository
from sources import make_folder, make_source

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")


@pytest.fixture
def traced(root, tmp_path):
    """Runs a command of the reconciler; returns the calls that named a descriptor which was not open."""
    def run(*args, status=0, **env):
        log = tmp_path / "closed"
        done = root.run(*args, env=env, wrap=["strace", "-f", "-b", "execve", "-qq", "-e", "trace=close", "-e", "signal=none", "-o", str(log)])
        assert done.status == status, done
        lines = log.read_text().splitlines()
        assert any(re.search(r"close\(\d+\) += 0", line) for line in lines)
        return [line for line in lines if "EBADF" in line]
    return run


def test_downloads_and_builds(root, index, traced, tmp_path):
    names = [f"wheel-{i}" for i in range(6)]
    for name in names:
        index.add(name, "1.0")
    index.index.add(make_source(tmp_path / "sources", "from-source", "1.0", static=True))
    folder = make_folder(tmp_path / "folder", "from-folder", "1.0")
    repository = Repository(tmp_path / "repository")
    made = make_folder(tmp_path / "made", "from-git", "1.0")
    repository.commit({str(p.relative_to(made)): p.read_text() for p in made.rglob("*") if p.is_file()})
    asked = ",".join([*names, "from-source", str(folder), f"git+file://{repository.folder}#egg=from-git"])
    assert traced("sync", EXTENSION_AUTO_INSTALL=asked) == []
    assert {*names, "from-source", "from-folder", "from-git"} == set(root.installed())
    assert traced("sync", EXTENSION_AUTO_INSTALL=f"{asked},nowhere", status=1) == []
    assert traced("check") == [] and traced("list") == [] and traced("cache", "prune") == []
    assert traced("lock", "--output", str(tmp_path / "pylock.toml"), *names) == []
    assert traced("sync", EXTENSION_AUTO_INSTALL="") == []


def test_developers_sources(root, index, traced):
    index.add("needed", "1.0")
    source = root.folder / "opt/code/extensions/mine"
    (source / "mine").mkdir(parents=True)
    (source / "mine/__init__.py").write_text("")
    (source / "pyproject.toml").write_text('[build-system]\nrequires = ["plux"]\n[project]\nname = "mine"\nversion = "1"\ndependencies = ["needed"]\n')
    assert traced("sync", EXTENSION_DEV_MODE="1") == []
    assert set(root.installed()) == {"mine", "needed"}
    assert traced("sync") == []
