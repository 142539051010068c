# SPDX-License-Identifier: Apache-2.0
"""Distributions that an index offers as sources alone, built by the base's pip."""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import zipfile

import pytest

from checks import check_records, leftovers
from conftest import LONG, switch_base
from repositories import GitServer, Repository
from sources import make_source, make_tiny_source, tiny
from test_lock import BIN, lock_text, other_venv, pip, read, run_tool, venv_has
from wheels import make_wheel


@pytest.fixture
def offer(index, tmp_path):
    """Puts a source distribution on the index; returns its path."""
    def add(name, version, requires=(), page=None, **more):
        return index.index.add(make_source(tmp_path / "sources", name, version, requires, **more), **(page or {}))
    return add


def built(done):
    return re.findall(r"built (\S+)\.tar\.gz in", done.err)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# ---- what is built, and when

def test_built_once(root, index, offer):
    """A sync builds what it installs, and whoever comes after it with the same cache builds nothing, and asks nobody."""
    index.add("needed", "1.0")
    archive = offer("from-source", "1.0", ["needed"], static=True)
    done = root.sync(EXTENSION_AUTO_INSTALL="from-source")
    assert built(done) == ["from_source-1.0"]
    assert root.installed() == {"from-source": "1.0", "needed": "1.0"}
    assert root.localstack_sees("import from_source; print(from_source.version)") == "1.0"
    info = root.info("from-source")
    assert (info / "INSTALLER").read_text() == "localstack-extensions\n" and not (info / "direct_url.json").exists()
    check_records(root)
    assert leftovers(root) == []
    assert root.boot("/bin/echo", "on", env={"EXTENSION_AUTO_INSTALL": "from-source"}).err == ""
    index.stop()
    archive.unlink()
    root.sync(EXTENSION_AUTO_INSTALL="")
    assert root.installed() == {}
    done = root.sync("--offline", EXTENSION_AUTO_INSTALL="from-source")
    assert built(done) == [] and root.installed() == {"from-source": "1.0", "needed": "1.0"}


def test_a_plan_of_what_is_static_builds_nothing(root, index, offer):
    index.add("needed", "1.0")
    archive = offer("from-source", "1.0", ["needed"], static=True, deed="raise RuntimeError('built')")
    plan = root.plan(EXTENSION_AUTO_INSTALL="from-source")
    found, = (entry for entry in plan["install"] if entry["name"] == "from-source")
    assert found["requires"] == ["needed"] and found["source"] == "index"
    assert found["hash"] == f"sha256:{sha256(archive)}" and found["url"].endswith("/from_source-1.0.tar.gz")
    # Known from then on, also without the archive.
    index.stop()
    plan = root.plan("--offline", EXTENSION_AUTO_INSTALL="from-source")
    assert [entry["name"] for entry in plan["install"]] == ["from-source", "needed"]


def test_what_is_not_static_is_built_to_be_known(root, index, offer):
    """Old metadata, which says nothing of what a build would find: it is the wheel that counts."""
    index.add("needed", "1.0")
    offer("from-source", "1.0", ["needed"], says=["other"])
    done = root.run("plan", "--format", "json", env={"EXTENSION_AUTO_INSTALL": "from-source"})
    assert built(done) == ["from_source-1.0"]
    assert [entry["name"] for entry in json.loads(done.out)["install"]] == ["from-source", "needed"]
    assert built(root.sync(EXTENSION_AUTO_INSTALL="from-source")) == []
    assert root.installed() == {"from-source": "1.0", "needed": "1.0"}


def test_only_what_is_chosen_is_built(root, index, offer):
    offer("from-source", "2.0", ["nowhere"], static=True)
    offer("from-source", "1.0", static=True)
    index.add("pinning", "1.0", ["from-source<3"])
    done = root.sync(EXTENSION_AUTO_INSTALL="pinning")
    assert built(done) == ["from_source-1.0"] and root.installed() == {"from-source": "1.0", "pinning": "1.0"}


def test_several_at_once(root, offer):
    names = [f"source-{i}" for i in range(4)]
    for name in names:
        offer(name, "1.0", static=True)
    assert sorted(built(root.sync(EXTENSION_AUTO_INSTALL=",".join(names)))) == [f"source_{i}-1.0" for i in range(4)]
    assert root.installed() == dict.fromkeys(names, "1.0")


def test_config_settings(root, index, tmp_path):
    """Reach the build, and what was built with others is another wheel."""
    archive = index.index.add(make_source(tmp_path / "sources", "from-source", "1.0", static=True,
                                          deed="print('settings:', os.environ['SAID'])\nraise RuntimeError('said')"))
    root.requirements('from-source --config-settings="color=green" --config-settings="size=7"\n')
    done = root.boot("/bin/echo", "on")
    log = (root.volume / "logs/from-source-build.log").read_text()
    assert "settings: {'color': 'green', 'size': '7'}" in log, (done, archive)


# ---- what it is built with

def made_by(root):
    return root.localstack_sees("import from_source; print(from_source.backend)")


@pytest.fixture
def backends(root, index, tmp_path):
    """Two versions of what builds from-source, in a folder."""
    index.index.add(make_tiny_source(tmp_path / "sources", "from-source", "1.0", ["1.0", "2.0"]))
    for version in ("1.0", "2.0"):
        make_wheel(tmp_path / "backends", *tiny(version))
    root.env["PIP_FIND_LINKS"] = str(tmp_path / "backends")
    return tmp_path / "backends"


@pytest.mark.parametrize("place", ["variable", "key", "relative", "file:"])
def test_build_constraints(root, backends, tmp_path, place):
    """They choose what builds; each choice is another wheel, and none is built twice."""
    limits = tmp_path / "of builds.txt" if place == "key" else tmp_path / "limits.txt"
    limits.write_text("tiny-backend<2\n")
    env = {"EXTENSION_AUTO_INSTALL": "from-source"}
    if place == "key":
        (root.conf / "extensions.yaml").write_text(f"index:\n  build-constraint: ['{limits}']\n")
    else:
        env["PIP_BUILD_CONSTRAINT"] = {"variable": limits, "relative": os.path.relpath(limits), "file:": limits.as_uri()}[place]
    assert built(root.sync(**env)) == ["from_source-1.0"] and made_by(root) == "1.0"
    for text, version, builds in [("", "2.0", 1), ("tiny-backend<2\n", "1.0", 0), ("# none\n", "2.0", 1)]:
        root.sync(**env | {"EXTENSION_AUTO_INSTALL": ""})
        limits.write_text(text)
        done = root.sync(**env)
        assert (len(built(done)), made_by(root)) == (builds, version), done


def test_build_constraints_that_cannot_be_read(root, index, backends):
    """What is to be built fails, with the reason; what is not does not need them."""
    index.add("other", "1.0")
    done = root.sync(EXTENSION_AUTO_INSTALL="from-source,other", PIP_BUILD_CONSTRAINT="/nowhere/limits.txt", status=1)
    assert root.installed() == {"other": "1.0"} and "building" not in done.err
    assert re.search(r"from-source .*is set aside: .*the build constraints \(PIP_BUILD_CONSTRAINT, .*\) cannot be read: .*/nowhere/limits.txt", done.err), done


@pytest.mark.parametrize("place", ["variable", "key"])
def test_without_isolation(root, index, tmp_path, place):
    """What builds is what the venv, or the base, has; the same with isolation is another wheel."""
    archive = index.index.add(make_tiny_source(tmp_path / "sources", "from-source", "1.0", ["1.0", "2.0"]))
    index.add(*tiny("1.0"))
    index.add(*tiny("2.0"))
    root.sync(EXTENSION_AUTO_INSTALL="tiny-backend==1.0")
    (tmp_path / "limits.txt").write_text("tiny-backend>=9\n")  # pip would not have both; they say nothing here
    env = {"EXTENSION_AUTO_INSTALL": "tiny-backend==1.0,from-source", "PIP_BUILD_CONSTRAINT": tmp_path / "limits.txt"}
    if place == "key":
        (root.conf / "extensions.yaml").write_text("index:\n  no-build-isolation: true\n")
        root.sync(**env)
    else:
        root.sync(**env, PIP_NO_BUILD_ISOLATION="false")
    assert made_by(root) == "1.0" and archive.exists()
    root.sync(EXTENSION_AUTO_INSTALL="")
    done = root.sync(EXTENSION_AUTO_INSTALL="from-source", PIP_NO_BUILD_ISOLATION="1")
    assert made_by(root) == "2.0" and built(done) == ["from_source-1.0"], done
    assert ("PIP_NO_BUILD_ISOLATION=1 changes nothing" in done.err), done


# ---- wheels and sources

def test_a_wheel_of_the_same_version_is_preferred_and_a_newer_source_to_an_older_wheel(root, index, offer):
    index.add("both", "1.0")
    offer("both", "1.0", static=True)
    assert built(root.sync(EXTENSION_AUTO_INSTALL="both")) == []
    offer("both", "2.0", static=True)
    assert built(root.sync("--upgrade", EXTENSION_AUTO_INSTALL="both")) == ["both-2.0"]
    assert root.installed() == {"both": "2.0"}


@pytest.mark.parametrize("control, version", [("--only-binary both", "1.0"), ("--only-binary :all:", "1.0"), ("--no-binary both", "2.0")])
def test_controls(root, index, offer, control, version):
    index.add("both", "1.0")
    index.add("both", "2.0", page={"requires_python": ">=99"})
    offer("both", "2.0", static=True)
    root.requirements(f"{control}\nboth\n")
    root.sync()
    assert root.installed() == {"both": version}


def test_no_binary_builds_although_there_is_a_wheel(root, index, offer):
    index.add("both", "1.0")
    offer("both", "1.0", static=True, files={"both/__init__.py": "version = 'built'\n"})
    root.requirements("--no-binary both\nboth\n")
    assert built(root.sync()) == ["both-1.0"]
    assert root.localstack_sees("import both; print(both.version)") == "built"


def test_only_a_source_and_none_is_to_be_built(root, offer):
    offer("from-source", "1.0", static=True)
    root.requirements("--only-binary :all:\nfrom-source\n")
    done = root.sync(status=1)
    assert "is only offered as a source distribution, and none is to be built (--only-binary)" in done.err, done


# ---- what goes wrong

def test_a_build_that_fails(root, index, offer):
    """The reason in one sentence, the last lines once, the whole in a log; the others go on."""
    index.add("other", "1.0")
    offer("from-source", "1.0", static=True, deed="print('first of many lines')\nraise RuntimeError('no spoon')")
    done = root.boot("/bin/echo", "on", env={"EXTENSION_AUTO_INSTALL": "from-source,other"})
    assert (done.status, done.out) == (0, "on\n") and root.installed() == {"other": "1.0"}
    log = root.volume / "logs/from-source-build.log"
    failure, = re.findall(r"error: (from-source .*is set aside: .*)", done.err)
    assert "cannot be built from source" in failure and "RuntimeError: no spoon" in failure and str(log) in failure
    assert "first of many lines" in log.read_text() and "no spoon" in log.read_text()
    assert done.err.count("the last lines of the build of from_source-1.0.tar.gz") == 1
    assert leftovers(root) == []


def test_a_build_that_does_not_end(root, index, offer):
    """It fails alone, before the time for the whole is over."""
    index.add("other", "1.0")
    offer("from-source", "1.0", static=True, deed="import time\ntime.sleep(600)")
    done = root.sync("--timeout", "12", EXTENSION_AUTO_INSTALL="from-source,other", status=1)
    assert root.installed() == {"other": "1.0"} and re.search(r"from-source .*is set aside: .*took longer than", done.err), done


def test_nothing_goes_where_a_build_fails(root, index, offer):
    """Nor is anything said of it."""
    index.add("other", "1.0")
    root.sync(EXTENSION_AUTO_INSTALL="other")
    offer("from-source", "1.0", static=True, deed="raise RuntimeError('no spoon')")
    done = root.sync(EXTENSION_AUTO_INSTALL="from-source", status=1)
    assert root.installed() == {"other": "1.0"} and "remov" not in done.err, done


def test_an_older_version_where_the_newest_cannot_be_built(root, index, offer):
    index.add("both", "1.0")
    offer("both", "2.0", deed="raise RuntimeError('no spoon')")
    done = root.sync(EXTENSION_AUTO_INSTALL="both")
    assert root.installed() == {"both": "1.0"} and "both 2.0 is passed over" in done.err, done


def test_a_promise_that_is_not_kept(root, offer):
    offer("from-source", "1.0", ["nowhere"], says=[], static=True)
    done = root.sync(EXTENSION_AUTO_INSTALL="from-source", status=1)
    assert "says in its PKG-INFO that what it requires is static" in done.err and root.installed() == {}


def test_a_build_back_end_that_no_index_has(root, index, tmp_path):
    from wheels import make_sdist
    index.index.add(make_sdist(tmp_path, "from-source", "1.0"))
    done = root.sync(EXTENSION_AUTO_INSTALL="from-source", status=1)
    assert re.search(r"from-source .*is set aside: .*no index has setuptools, which builds it", done.err), done


def test_another_file_than_the_page_announces(root, index, offer):
    archive = offer("from-source", "1.0", static=True)
    archive.write_bytes(archive.read_bytes() + b"x")
    done = root.sync(EXTENSION_AUTO_INSTALL="from-source", status=1)
    assert "it was changed on the way or on the server" in done.err and root.installed() == {}


def test_a_signal_ends_the_build(root, index, offer):
    """At once, with whatever it started; nothing is left, and the next sync builds it anew."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        offer("from-source", "1.0", static=True, deed=f"""
            import socket, subprocess, sys
            subprocess.Popen(["sleep", "600"], start_new_session=True)
            with socket.create_connection(("127.0.0.1", {server.getsockname()[1]})) as peer:
                peer.recv(1)""")
        sync = subprocess.Popen(root.command("sync"), env=root.environment({"EXTENSION_AUTO_INSTALL": "from-source"}),
                                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        peer, _ = server.accept()
        with peer:
            sync.terminate()
            sync.communicate(timeout=LONG)
            assert sync.returncode == -signal.SIGTERM
            peer.settimeout(LONG)
            assert peer.recv(1) == b""  # the build has ended
    assert leftovers(root) == [] and root.installed() == {}
    offer("from-source", "1.1", static=True)
    assert built(root.sync(EXTENSION_AUTO_INSTALL="from-source")) == ["from_source-1.1"]
    assert [path for path in (root.volume / "cache/extensions").iterdir() if path.name.endswith(".new")] == []


# ---- hashes and locks

def test_hashes_are_the_archives(root, offer):
    archive = offer("from-source", "1.0", static=True)
    root.requirements(f"from-source==1.0 --hash=sha256:{sha256(archive)}\n")
    root.sync()
    assert root.installed() == {"from-source": "1.0"}
    root.requirements("")
    root.sync()
    root.requirements(f"from-source==1.0 --hash=sha256:{'0' * 64}\n")
    root.sync(status=1)
    assert root.installed() == {}


def test_the_line_to_write_where_a_hash_is_missing(root, index, offer):
    archive = offer("from-source", "1.0", static=True)
    root.requirements("--require-hashes\nfrom-source==1.0\n")
    done = root.sync(status=1)
    assert f"from-source==1.0 --hash=sha256:{sha256(archive)}" in done.err and "building" not in done.err, done


def test_nothing_is_built_that_no_hash_lets_in(root, index, offer):
    """Not even to find out what it requires."""
    index.add("other", "1.0")
    archive = offer("from-source", "1.0")
    root.requirements(f"from-source==1.0 --hash=sha256:{'0' * 64}\n")
    assert "building" not in root.sync(status=1).err
    brings = index.add("brings", "1.0", ["from-source"])
    root.requirements(f"brings==1.0 --hash=sha256:{sha256(brings)}\n")
    done = root.sync(status=1)
    assert "building" not in done.err and "no hash of it is given" in done.err, done
    root.requirements(f"brings==1.0 --hash=sha256:{sha256(brings)}\nfrom-source==1.0 --hash=sha256:{sha256(archive)}\n")
    assert built(root.sync()) == ["from_source-1.0"]


def test_locks_name_the_archive(root, index, offer, tmp_path):
    archive = offer("from-source", "1.0", static=True)
    lock = tmp_path / "pylock.toml"
    done = root.run("lock", "-o", lock, env={"EXTENSION_AUTO_INSTALL": "from-source"})
    assert done.status == 0, done
    assert f'sdist = {{name = "{archive.name}"' in lock.read_text() and sha256(archive) in lock.read_text()
    assert built(root.sync("--locked", lock)) == ["from_source-1.0"]
    assert root.installed() == {"from-source": "1.0"}
    assert built(root.sync("--locked", lock)) == []

# ---- named by URL or path

@pytest.fixture
def served(offer, index):
    """The URL of a source archive."""
    def url(name, version, **more):
        path = offer(name, version, **more)
        return path, f"{index.server.url.removesuffix('/simple/').rstrip('/')}/files/{path.name}"
    return url


def recorded(root, name):
    return json.loads((root.info(name) / "direct_url.json").read_text())


@pytest.mark.parametrize("form", ["URL", "NAME @ URL", "file", "path"])
def test_archives(root, served, form):
    path, url = served("from-source", "1.0", static=True)
    if form == "file":
        url = path.as_uri()
    asked = {"URL": url, "NAME @ URL": f"from-source @ {url}", "file": url, "path": str(path)}[form]
    done = root.sync(EXTENSION_AUTO_INSTALL=asked)
    assert built(done) == ["from_source-1.0"] and root.installed() == {"from-source": "1.0"}
    said = recorded(root, "from-source")
    assert said["url"] == (path.as_uri() if form in ("file", "path") else url)
    assert said["archive_info"]["hashes"] == {"sha256": sha256(path)}
    done = root.sync(EXTENSION_AUTO_INSTALL=asked)
    assert (built(done), done.err) == ([], "")
    entry, = root.plan(EXTENSION_AUTO_INSTALL=f"{asked}", status=0)["keep"]
    assert entry["name"] == "from-source"
    assert root.boot("/bin/echo", "on", env={"EXTENSION_AUTO_INSTALL": asked}).err == ""


def test_archives_are_built_side_by_side(root, offer, index):
    """Each is fetched once, although it is looked at again by itself."""
    paths = [offer(f"archive-{i}", "1.0") for i in range(3)]
    urls = [f"{index.server.url.rsplit('/simple', 1)[0]}/files/{path.name}" for path in paths]
    done = root.sync(EXTENSION_AUTO_INSTALL=",".join(urls))
    assert root.installed() == {f"archive-{i}": "1.0" for i in range(3)}
    lines = [line for line in done.err.splitlines() if "building " in line or "built " in line]
    assert ["building" in line for line in lines] == [True] * 3 + [False] * 3, lines
    assert [index.server.requests().count(f"GET /files/{path.name}") for path in paths] == [1, 1, 1]


def test_a_plan_of_an_archive(root, served):
    path, url = served("from-source", "1.0", static=True)
    entry, = root.plan(EXTENSION_AUTO_INSTALL=f"from-source @ {url}")["install"]
    assert (entry["source"], entry["url"], entry["hash"]) == ("url", url, f"sha256:{sha256(path)}")


def test_an_archive_of_another_distribution(root, served):
    _, url = served("from-source", "1.0", static=True)
    done = root.sync(EXTENSION_AUTO_INSTALL=f"other @ {url}", status=1)
    assert "its source is another distribution's" in done.err and root.installed() == {}, done


def test_a_name_that_a_url_alone_tells(root, served):
    """Of which a part begins with a digit, as a version does."""
    path, url = served("from-2source", "1.0", static=True)
    path.rename(path.with_name("from-2source-1.0.tar.gz"))
    done = root.sync(EXTENSION_AUTO_INSTALL=url.replace("from_2source", "from-2source"))
    assert root.installed() == {"from-2source": "1.0"}, done


def test_an_archive_that_is_changed_in_place(root, tmp_path):
    path = make_source(tmp_path / "here", "from-source", "1.0", files={"from_source/__init__.py": "version = 'old'\n"})
    root.sync(EXTENSION_AUTO_INSTALL=str(path))
    make_source(tmp_path / "here", "from-source", "1.0", files={"from_source/__init__.py": "version = 'new and longer'\n"})
    done = root.boot("/bin/echo", "on", env={"EXTENSION_AUTO_INSTALL": str(path)})
    assert root.localstack_sees("import from_source; print(from_source.version)") == "new and longer", done


@pytest.fixture
def repository(tmp_path):
    """A repository whose project stands in a folder of it; files(...) -> commit."""
    repo = Repository(tmp_path / "repo")
    repo.url = repo.folder.as_uri()

    def commit(version, **more):
        archive = make_source(tmp_path / "made", "from-source", version, **more)
        with tarfile.open(archive) as tar:
            files = {f"project/{m.name.split('/', 1)[1]}": tar.extractfile(m).read() for m in tar.getmembers()}
        return repo.commit(files)
    repo.release = commit
    return repo


def test_repositories(root, repository):
    """The documented form; the second time nobody asks the repository for anything."""
    commit = repository.release("1.0")
    asked = f"git+{repository.url}#egg=from-source&subdirectory=project"
    done = root.sync(EXTENSION_AUTO_INSTALL=asked)
    assert root.installed() == {"from-source": "1.0"}, done
    assert recorded(root, "from-source") == {"url": repository.url, "subdirectory": "project",
                                             "vcs_info": {"vcs": "git", "commit_id": commit}}
    assert f"git+{repository.url}@{commit}" in root.run("list").out
    assert leftovers(root) == []
    newer = repository.release("1.1")
    assert root.sync(EXTENSION_AUTO_INSTALL=asked).err == ""
    assert root.boot("/bin/echo", "on", env={"EXTENSION_AUTO_INSTALL": asked}).err == ""
    root.sync("--upgrade", EXTENSION_AUTO_INSTALL=asked)
    assert root.installed() == {"from-source": "1.1"} and recorded(root, "from-source")["vcs_info"]["commit_id"] == newer
    assert root.sync("--upgrade", EXTENSION_AUTO_INSTALL=asked).err == ""
    shutil.rmtree(repository.folder)
    root.sync(EXTENSION_AUTO_INSTALL="")
    done = root.sync("--offline", EXTENSION_AUTO_INSTALL=f"from-source @ git+{repository.url}@{commit}#subdirectory=project")
    assert root.installed() == {"from-source": "1.0"} and "building" not in done.err
    assert recorded(root, "from-source")["vcs_info"] == {"vcs": "git", "requested_revision": commit, "commit_id": commit}


@pytest.mark.parametrize("anew", ["another Python", "damaged"])
def test_a_branch_stays_at_its_commit_where_it_is_installed_anew(root, repository, anew, request):
    """What the branch is by now is asked with --upgrade alone."""
    commit = repository.release("1.0")
    env = {"EXTENSION_AUTO_INSTALL": f"from-source @ git+{repository.url}@main#subdirectory=project"}
    root.sync(**env)
    newer = repository.release("1.1")
    if anew == "damaged":
        (root.site / "from_source/__init__.py").write_text("broken =")
        assert root.run("check", env=env).status == 1
    else:
        switch_base(root, request.getfixturevalue("other_base"))
    root.sync(**env)
    assert root.installed() == {"from-source": "1.0"} and recorded(root, "from-source")["vcs_info"]["commit_id"] == commit
    assert root.localstack_sees("import from_source; print(from_source.version)") == "1.0"
    root.sync("--upgrade", **env)
    assert root.installed() == {"from-source": "1.1"} and recorded(root, "from-source")["vcs_info"]["commit_id"] == newer


def test_a_branch_of_which_another_reference_is_installed_is_asked(root, repository, other_base):
    repository.release("1.0")
    asked = f"from-source @ git+{repository.url}%s#subdirectory=project"
    root.sync(EXTENSION_AUTO_INSTALL=asked % "")
    repository.release("1.1")
    switch_base(root, other_base)
    root.sync(EXTENSION_AUTO_INSTALL=asked % "@main")
    assert root.installed() == {"from-source": "1.1"}


def test_a_repository_with_a_password(root, repository):
    """A full commit is never asked about; the password is in nothing that is said or written."""
    commit = repository.release("1.0")
    server = GitServer(repository.folder.parent, password=("user", "geheim17"))
    try:
        asked = f"from-source @ {server.url(repository.folder.name + '/.git', 'user:geheim17')}@{commit}#subdirectory=project"
        done = root.sync("-v", EXTENSION_AUTO_INSTALL=asked)
        assert root.installed() == {"from-source": "1.0"} and "geheim17" not in done.err, done
        said = recorded(root, "from-source")
        assert said["url"] == f"http://{server.host}/{repository.folder.name}/.git" and said["vcs_info"]["requested_revision"] == commit
        before = len(server.requests)
        root.sync("--upgrade", EXTENSION_AUTO_INSTALL=asked)
        assert len(server.requests) == before
    finally:
        server.stop()
    assert [path for path in root.volume.rglob("*") if path.is_file() and b"geheim17" in path.read_bytes()] == []
    wrong = asked.replace("geheim17", "falsch99")
    root.sync(EXTENSION_AUTO_INSTALL="")
    assert root.sync(EXTENSION_AUTO_INSTALL=wrong).err.count("falsch99") == 0  # the cache has the commit


def test_a_plan_of_a_repository(root, repository):
    repository.release("1.0")
    entry, = root.plan(EXTENSION_AUTO_INSTALL=f"from-source @ git+{repository.url}#subdirectory=project")["install"]
    assert (entry["source"], entry["hash"]) == ("vcs", None) and entry["url"].startswith("git+file://")


@pytest.mark.parametrize("reference, reason", [
    ("git+{url}@nowhere#egg=from-source", "nowhere"),
    ("git+{url}#egg=from-source&subdirectory=elsewhere", "has no folder elsewhere"),
    ("git+{url}", "write NAME @ git+"),
    ("hg+https://hg.example/x#egg=x", "hg"),
])
def test_references_that_lead_nowhere(root, index, repository, reference, reason):
    index.add("other", "1.0")
    repository.release("1.0")
    asked = reference.format(url=repository.url, folder=repository.folder.as_uri())
    done = root.sync(EXTENSION_AUTO_INSTALL=f"{asked},other", status=1)
    assert root.installed() == {"other": "1.0"} and reason in done.err, done
    assert leftovers(root) == []


def test_no_hash_lets_a_repository_in(root, repository):
    repository.release("1.0")
    root.requirements(f"--require-hashes\nfrom-source @ git+{repository.url}#subdirectory=project\n")
    done = root.sync(status=1)
    assert "is a repository, which" in done.err and "building" not in done.err, done


# ---- in locks

def archive_of_folder(path, folder, name, version, **more):
    """A source archive whose project stands in a folder of it."""
    with tarfile.open(make_source(path.parent / "made", name, version, **more)) as tar:
        files = {f"{folder}/{m.name.split('/', 1)[1]}": tar.extractfile(m).read() for m in tar.getmembers()}
    with zipfile.ZipFile(path, "w") as z:
        for relative, content in files.items():
            z.writestr(relative, content)
    return path


def package_of(lock, name="from-source"):
    found, = (package for package in read(lock.read_text())["packages"] if package["name"] == name)
    return found


def test_locks_name_the_commit(root, index, repository, tmp_path):
    """That which was built, wherever the branch leads by then; nothing is built twice, and the repository is asked no more."""
    index.add("needed", "1.0")
    commit = repository.release("1.0", requires=["needed"])
    asked = {"EXTENSION_AUTO_INSTALL": f"from-source @ git+{repository.url}@main#subdirectory=project"}
    lock = tmp_path / "pylock.toml"
    assert root.run("lock", "-o", lock, env=asked).status == 0
    said = package_of(lock)
    assert said["vcs"] == {"type": "git", "url": repository.url, "requested-revision": "main", "commit-id": commit, "subdirectory": "project"}
    assert "version" not in said and said["dependencies"] == [{"name": "needed"}]
    newer = repository.release("1.1", requires=["needed"])
    shutil.rmtree(repository.folder / ".git")
    done = root.sync("--locked", lock)
    assert root.installed() == {"from-source": "1.0", "needed": "1.0"} and "building" not in done.err
    assert recorded(root, "from-source") == {"url": repository.url, "subdirectory": "project",
                                             "vcs_info": {"vcs": "git", "requested_revision": commit, "commit_id": commit}}
    assert not (root.info("needed") / "REQUESTED").exists() and (root.info("from-source") / "REQUESTED").exists()
    assert newer != commit and root.boot("/bin/echo", "on", env={"EXTENSION_LOCK": str(lock)}).status == 0
    assert root.boot("/bin/echo", "on", env={"EXTENSION_LOCK": str(lock)}).err == ""
    plan = root.plan("--locked", lock)
    assert plan["install"] == [] and [entry["name"] for entry in plan["keep"]] == ["from-source", "needed"]


def test_a_lock_of_a_commit_is_built_where_it_was_not(root, repository, tmp_path):
    commit = repository.release("1.0")
    asked = {"EXTENSION_AUTO_INSTALL": f"from-source @ git+{repository.url}@main#subdirectory=project"}
    lock = tmp_path / "pylock.toml"
    assert root.run("lock", "-o", lock, env=asked).status == 0
    newer = repository.release("1.1")
    root.env["EXTENSION_CACHE_DIR"] = str(tmp_path / "cache")
    entry, = root.plan("--locked", lock)["install"]
    assert (entry["version"], entry["source"], entry["hash"]) == ("1.0", "lock", None) and entry["url"] == f"git+{repository.url}@{commit}"
    root.sync("--locked", lock)
    assert root.installed() == {"from-source": "1.0"}
    # What is installed stays in the next lock, as ever.
    root.sync(**asked)
    assert root.run("lock", "-o", lock, env=asked).status == 0
    assert package_of(lock)["vcs"]["commit-id"] == recorded(root, "from-source")["vcs_info"]["commit_id"] == newer
    repository.release("1.2")
    assert root.run("lock", "-o", lock, env=asked).status == 0 and package_of(lock)["vcs"]["commit-id"] == newer
    assert root.run("lock", "--upgrade", "-o", lock, env=asked).status == 0 and package_of(lock)["vcs"]["commit-id"] == repository.head()


@pytest.mark.parametrize("form", ["URL", "path", "folder"])
def test_locks_name_archives(root, served, tmp_path, form):
    """With their digest, which is that of the archive."""
    lock = tmp_path / "pylock.toml"
    if form == "folder":
        path = archive_of_folder(tmp_path / "some.zip", "top/python", "from-source", "1.0")
        asked = f"from-source @ {path.as_uri()}#subdirectory=python"
        more = {"path": "some.zip", "subdirectory": "python"}
    else:
        path, url = served("from-source", "1.0")
        asked = f"from-source @ {url}" if form == "URL" else str(path)
        more = {"url": url} if form == "URL" else {"path": os.path.relpath(path, tmp_path)}
    assert root.run("lock", "-o", lock, env={"EXTENSION_AUTO_INSTALL": asked}).status == 0
    said = package_of(lock)
    assert said["archive"] == {**more, "hashes": {"sha256": sha256(path)}} and "version" not in said
    done = root.sync("--locked", lock)
    assert root.installed() == {"from-source": "1.0"} and "building" not in done.err
    from_lock = recorded(root, "from-source")
    assert root.plan("--locked", lock)["install"] == []
    root.sync(EXTENSION_AUTO_INSTALL="")
    root.sync(EXTENSION_AUTO_INSTALL=asked)
    assert recorded(root, "from-source") == from_lock
    # Without the cache it is fetched, compared and built.
    root.env["EXTENSION_CACHE_DIR"] = str(tmp_path / "cache")
    root.sync(EXTENSION_AUTO_INSTALL="")
    assert "building" in root.sync("--locked", lock).err and root.installed() == {"from-source": "1.0"}


def test_a_locked_archive_with_other_bytes(root, served, tmp_path):
    path, url = served("from-source", "1.0")
    lock = tmp_path / "pylock.toml"
    assert root.run("lock", "-o", lock, env={"EXTENSION_AUTO_INSTALL": f"from-source @ {url}"}).status == 0
    before = sha256(path)
    path.write_bytes(path.read_bytes() + b"x")
    root.env["EXTENSION_CACHE_DIR"] = str(tmp_path / "cache")
    done = root.sync("--locked", lock, status=1)
    assert sha256(path) in done.err and before in done.err and "building" not in done.err and not root.installed(), done


COMMIT = "0c60ed2" + "0" * 33


@pytest.mark.parametrize("source, reason", [
    ('vcs = {type = "hg", url = "https://hg.example/r", commit-id = "%s"}' % COMMIT, "is a repository of hg, and only those of git are built"),
    ('vcs = {type = "git", url = "https://u:secret@git.example/r", commit-id = "0c60ed2"}', '"0c60ed2" of https://git.example/r is no whole commit'),
    ('vcs = {type = "git", url = "https://git.example/r#x", commit-id = "%s"}' % COMMIT, "must have neither ? nor #"),
    ('vcs = {type = "git", url = "https://git.example/r?x", commit-id = "%s"}' % COMMIT, "must have neither ? nor #"),
    ('vcs = {type = "git", url = "/srv/r", commit-id = "%s"}' % COMMIT, "git+"),
    ('vcs = {type = "git", url = "https://git.example/r", commit-id = "%s", subdirectory = "a&egg=b"}' % COMMIT, "cannot be written in a URL"),
    ('vcs = {type = "git", url = "https://git.example/r", commit-id = "%s", subdirectory = "../b"}' % COMMIT, "leads out of the repository"),
    ('version = "2.0"\nvcs = {type = "git", url = "{url}", commit-id = "{commit}", subdirectory = "project"}', "is version 1.0, and the lock says 2.0"),
    ('vcs = {type = "git", url = "{url}", commit-id = "%s", subdirectory = "project"}' % COMMIT, COMMIT),
    ('archive = {path = "absent.zip", hashes = {sha256 = "%s"}}' % ("0" * 64), "absent.zip"),
    ('archive = {path = "absent.zip", hashes = {md5 = "0"}}', "no digest of absent.zip that proves"),
    ('archive = {path = "absent", hashes = {sha256 = "%s"}}' % ("0" * 64), "absent is no archive by its name"),
    ('directory = {path = "project"}', "is a folder"),
])
def test_what_a_lock_cannot_have(root, index, repository, tmp_path, source, reason):
    """One sentence, nothing changed, nothing said of passwords."""
    commit = repository.release("1.0")
    lock = tmp_path / "pylock.toml"
    source = source.replace("{url}", repository.url).replace("{commit}", commit)
    lock.write_text(lock_text(f'[[packages]]\nname = "from-source"\n{source}\n'))
    index.add("other", "1.0")
    root.sync(EXTENSION_AUTO_INSTALL="other")
    done = root.sync("--locked", lock, status=1)
    assert re.search(rf"from-source\S* \({lock}:\d+\) cannot be had as locked: .*{re.escape(reason)}", done.err), done
    assert "secret" not in done.err and root.installed() == {"other": "1.0"} and leftovers(root) == []


def test_a_lock_that_is_refused_anyway_builds_nothing(root, repository, tmp_path):
    commit = repository.release("1.0")
    lock = tmp_path / "pylock.toml"
    lock.write_text(lock_text(
        f'[[packages]]\nname = "from-source"\nvcs = {{type = "git", url = "{repository.url}", commit-id = "{commit}", subdirectory = "project"}}\n',
        '[[packages]]\nname = "folder"\ndirectory = {path = "src"}\n'))
    assert "building" not in root.sync("--locked", lock, status=1).err


@pytest.mark.parametrize("place", ['url = "file:///srv/r"', 'path = "/srv/r"'])
def test_a_lock_from_the_network_names_no_repository_of_ours(root, index, place):
    lock = index.folder / "index/files/pylock.toml"
    lock.write_text(lock_text(f'[[packages]]\nname = "x"\nvcs = {{type = "git", {place}, commit-id = "{COMMIT}"}}\n'))
    plan = root.plan("--locked", index.server.url.replace("simple/", "files/pylock.toml"), status=1)
    assert "may not name a" in plan["failed"][0]["reason"]


def test_a_repository_beside_its_lock(root, repository, tmp_path):
    """By a path, from the lock's own folder."""
    commit = repository.release("1.0")
    lock = tmp_path / "pylock.toml"
    lock.write_text(lock_text('[[packages]]\nname = "from-source"\nversion = "1.0"\n'
                              f'vcs = {{type = "git", path = "repo", commit-id = "{commit.upper()}", subdirectory = "project"}}\n'))
    root.sync("--locked", lock)
    assert root.installed() == {"from-source": "1.0"} and recorded(root, "from-source")["url"] == repository.url


@pytest.fixture
def locked_sources(served, repository, tmp_path):
    """Requirements of a commit, and of an archive and a folder of one."""
    repository.release("1.0")
    _, url = served("archived", "2.0")
    path = archive_of_folder(tmp_path / "some.zip", "top/python", "part", "3.0")
    return [f"from-source @ git+{repository.url}@main#subdirectory=project", f"archived @ {url}", f"part @ {path.as_uri()}#subdirectory=python"]


SOURCES = {"from-source": "1.0", "archived": "2.0", "part": "3.0"}
# pip takes no lock in which some have hashes and some can have none.
KINDS = pytest.mark.parametrize("kind", [slice(0, 1), slice(1, 3)], ids=["commit", "archives"])


@KINDS
def test_pip_installs_sources_from_ours(root, locked_sources, tmp_path, kind):
    """And records the same of them."""
    lock = tmp_path / "pylock.toml"
    assert root.run("lock", "-o", lock, *locked_sources[kind]).status == 0
    venv = other_venv(tmp_path / "pip")
    pip(root, venv, "install", "-q", "--no-index", "-r", lock)
    root.sync("--locked", lock)
    assert venv_has(venv) == root.installed() == dict(list(SOURCES.items())[kind])
    for info in venv.glob("lib/python3*/site-packages/*.dist-info"):
        theirs, ours = (json.loads((folder / "direct_url.json").read_text()) for folder in (info, root.site / info.name))
        ours.get("archive_info", {}).pop("hash", None)  # for tools of before PEP 610 had hashes
        theirs.get("archive_info", {}).pop("hash", None)
        assert ours == theirs, info


def test_we_install_sources_from_pips(root, locked_sources, tmp_path):
    lock = tmp_path / "pylock.toml"
    run_tool(root.env, BIN / "python", "-m", "pip", "lock", "-q", "--no-index", "-o", lock, *locked_sources)
    assert 'created-by = "pip"' in lock.read_text() and "commit-id" in lock.read_text()
    root.sync("--locked", lock)
    assert root.installed() == SOURCES
    assert [entry["name"] for entry in root.plan("--locked", lock)["keep"]] == ["archived", "from-source", "part"]


# ---- the cache

def test_the_cache_knows_what_was_built(root, offer):
    offer("from-source", "1.0", static=True)
    root.sync(EXTENSION_AUTO_INSTALL="from-source")
    size = json.loads(root.run("cache", "size", "--format", "json").out)
    assert size["built"]["count"] == 1 and size["unpacked"]["count"] == 1
    assert json.loads(root.run("cache", "prune", "--format", "json").out)["built"]["count"] == 0
    assert json.loads(root.run("cache", "clean", "--format", "json").out)["built"]["count"] == 1
    assert not (root.volume / "cache/extensions/built").exists()
    root.sync(EXTENSION_AUTO_INSTALL="")
    assert built(root.sync(EXTENSION_AUTO_INSTALL="from-source")) == ["from_source-1.0"]


class Gate:
    """Builds that come by tell it, and go on once their socket is closed."""

    def __init__(self, server):
        self.server = server
        self.deed = f"""
            import socket
            with socket.create_connection(("127.0.0.1", {server.getsockname()[1]})) as peer:
                peer.recv(1)"""

    def arrived(self):
        self.server.settimeout(LONG)
        return self.server.accept()[0]

    def nobody(self):
        self.server.settimeout(0)
        with pytest.raises(BlockingIOError):
            self.server.accept()
        return True


@pytest.fixture
def gate():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Gate(server)


def syncing(root, *args, wrap=(), **env):
    return subprocess.Popen([*wrap, *root.command("sync", *args)], env=root.environment(env), stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def both(root, tmp_path):
    """Begins a sync of a volume, and of another, on one cache."""
    root.env["EXTENSION_CACHE_DIR"] = str(tmp_path / "cache")
    begun = []

    def begin(*args, **env):
        begun.append(syncing(root, "--timeout", 60, *args, **env))
        return begun[-1]
    begin.other = root.extensions.parent / "other/python_venv"
    begin.locks = lambda: [path.name for path in tmp_path.glob("cache/built/*.lock")]
    yield begin
    for sync in begun:
        sync.kill()
        sync.communicate(timeout=LONG)


@pytest.mark.parametrize("kind", ["index", "repository"])
def test_two_volumes_on_one_cache_build_once(offer, repository, gate, both, kind):
    if kind == "index":
        offer("from-source", "1.0", deed=gate.deed)
        asked = "from-source"
    else:
        repository.release("1.0", deed=gate.deed)
        asked = f"from-source @ git+{repository.url}#subdirectory=project"
    first = both(EXTENSION_AUTO_INSTALL=asked)
    with gate.arrived():
        second = both("--venv", both.other, EXTENSION_AUTO_INSTALL=asked)
        said = next((line for line in second.stderr if "waiting for" in line), "")
        assert "which another sync is building into this cache" in said and re.search(rf"process {first.pid}, since 20", said), said
        assert len(both.locks()) == 1
    _, err = first.communicate(timeout=LONG)
    assert first.returncode == 0, err
    _, err = second.communicate(timeout=LONG)
    assert second.returncode == 0 and "building" not in err, err
    assert [path.name for path in both.other.glob("lib/python3*/site-packages/from_source-*")] == ["from_source-1.0.dist-info"]
    assert gate.nobody() and both.locks() == []


def test_whoever_waited_for_a_build_that_was_ended_builds(root, offer, gate, both):
    """The lock of who was killed holds nobody up, and the cache is swept of it."""
    offer("from-source", "1.0", deed=gate.deed)
    first = both(EXTENSION_AUTO_INSTALL="from-source")
    with gate.arrived():
        second = both("--venv", both.other, EXTENSION_AUTO_INSTALL="from-source")
        next(line for line in second.stderr if "waiting for" in line)
        first.kill()
        first.wait(LONG)
        gate.arrived().close()
    _, err = second.communicate(timeout=LONG)
    assert second.returncode == 0 and "built from_source-1.0" in err, err
    third = both(EXTENSION_AUTO_INSTALL="from-source", EXTENSION_CACHE_DIR=root.folder / "cache")
    with gate.arrived():
        third.kill()
        third.wait(LONG)
    left = list((root.folder / "cache/built").iterdir())
    assert [path.suffix for path in left] == [".lock"]
    root.env["EXTENSION_CACHE_DIR"] = str(root.folder / "cache")
    assert json.loads(root.run("cache", "size", "--format", "json").out)["built"]["count"] == 0
    assert root.run("cache", "prune").status == 0 and list((root.folder / "cache/built").iterdir()) == []


def test_whoever_waits_in_vain_builds(root, offer, gate, both):
    """Another sync that does not end takes half of the time, and no more; its lock is not swept."""
    offer("from-source", "1.0", deed=gate.deed)
    first = both(EXTENSION_AUTO_INSTALL="from-source")
    with gate.arrived():
        assert root.run("cache", "prune", "--venv", both.other.parent.parent / "idle/python_venv").status == 0 and len(both.locks()) == 1
        second = both("--timeout", "18", "--venv", both.other, EXTENSION_AUTO_INSTALL="from-source")
        gate.arrived().close()
        _, err = second.communicate(timeout=LONG)
        assert second.returncode == 0 and "the other sync does not end with from_source-1.0.tar.gz; it is built here" in err, err
        assert first.poll() is None


def test_what_waits_for_each_other_does_not_wait_for_ever(offer, gate, both):
    """Two syncs that build the same two, each with one begun by the other: nothing is held while something is waited for."""
    for name in ("one", "two"):
        offer(name, "1.0", static=True, deed=gate.deed)
    first = both(EXTENSION_AUTO_INSTALL="one")
    with gate.arrived():
        second = both("--venv", both.other, EXTENSION_AUTO_INSTALL="two,one")
        with gate.arrived():
            third = both("--venv", both.other.parent / "third/python_venv", EXTENSION_AUTO_INSTALL="one,two")
            next(line for line in third.stderr if "waiting for" in line)
        next(line for line in second.stderr if "waiting for one" in line)
    ended = [(sync.communicate(timeout=LONG)[1], sync.returncode) for sync in (first, second, third)]
    assert [status for _, status in ended] == [0] * 3, ended
    assert both.locks() == []


@pytest.mark.once
def test_a_cache_without_locks_builds_all_the_same(root, offer):
    offer("from-source", "1.0", static=True)
    done = root.run("sync", wrap=["strace", "-f", "-qq", "-e", "inject=flock:error=ENOLCK", "-e", "trace=none", "-o", "/dev/null"],
                    env={"EXTENSION_AUTO_INSTALL": "from-source"})
    assert done.status == 0 and root.installed() == {"from-source": "1.0"}, done


def test_a_cache_that_cannot_be_written(root, offer, tmp_path):
    offer("from-source", "1.0", static=True)
    (tmp_path / "file").write_text("")
    done = root.sync("--cache-dir", tmp_path / "file", EXTENSION_AUTO_INSTALL="from-source")
    assert built(done) == ["from_source-1.0"] and root.installed() == {"from-source": "1.0"}
    assert leftovers(root) == []


# ---- the real ones

def test_httpbin_and_stripe_from_source(localstack_root):
    root = localstack_root
    done = root.sync(EXTENSION_AUTO_INSTALL="localstack-extension-httpbin,localstack-extension-stripe")
    assert sorted(name.rsplit("-", 1)[0] for name in built(done)) == ["flasgger", "localstripe"]
    assert {"flasgger", "localstripe", "localstack-extension-httpbin", "localstack-extension-stripe"} <= set(root.installed())
    assert root.localstack_sees("import flasgger, localstripe; print('both')") == "both"
    check_records(root)
    assert root.boot("/bin/echo", "on", env={"EXTENSION_AUTO_INSTALL": "localstack-extension-httpbin,localstack-extension-stripe"}).err == ""
