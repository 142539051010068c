# SPDX-License-Identifier: Apache-2.0
"""Developers' sources: which folders they are, how they get to /opt/code/extensions, and what a boot makes of a change of them."""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess

import pytest

from checks import tree
from developers import LIST, source, synced

CHANGES_OR_CHILDREN = re.compile(
    r"^\d+ +(fork|vfork|clone|clone3|socket|connect|open_tree|(?!read)\w*(unlink|rename|link|rmdir|mkdir|chmod|mount|utime)\w*\((?!.*EEXIST)|"
    r"open.*(O_CREAT|O_WRONLY|O_RDWR|O_TRUNC|O_TMPFILE))")
NO_MOUNTS = ["setpriv", "--bounding-set=-sys_admin", "--"]
FORBIDDEN = ["python3", str(pathlib.Path(__file__).parent / "without_syscall.py")]
OPEN_TREE, SYMLINKAT = 428, {"x86_64": 266, "aarch64": 36}[os.uname().machine]

USER = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "--"]

def reachable(folder):
    """By any user."""
    for place in (folder, *folder.parents):
        if not place.stat().st_mode & stat.S_IXOTH:
            place.chmod(0o755)


def unchanged(developer, *wrap, **env):
    """A second boot finds all as it should be, and changes nothing."""
    before, mounts = tree(developer.see()), developer.mounted()
    done = developer.boot(*wrap, **env)
    assert synced(done) == [], done
    assert (tree(developer.see()), developer.mounted()) == (before, mounts)
    return done


# ---- places

def test_mounted_read_only(developer):
    mine = developer.source("mine")
    done = developer.boot()
    assert "LocalStack extension developer mode enabled" in done.err
    assert developer.banner(done) == [f"{developer.places}/mine"]
    assert developer.names() == ["mine"] and developer.listed() == {"mine": str(mine)}
    assert {"ro", "nosuid", "nodev"} <= set(developer.mounted()["mine"])
    assert not [flag for flag in developer.mounted()["mine"] if flag.startswith(("shared", "master"))]
    assert os.path.samefile(developer.see("mine"), mine)
    with pytest.raises(OSError, match="Read-only"):
        (developer.see("mine") / "x").touch()
    assert developer.state() == {str(mine): f"{developer.places}/mine"}
    assert developer.banner(unchanged(developer)) == [f"{developer.places}/mine"]
    assert not list(developer.places.glob("mine/*")), "it was mounted for everybody"


def test_what_is_mounted_in_a_source_comes_along(developer):
    mine = developer.source("mine")
    (mine / "mine/data").mkdir()
    developer.container.mount("-t", "tmpfs", "-o", "noexec", "none", mine / "mine/data")
    developer.container.mount("--make-shared", mine / "mine/data")
    developer.boot()
    mounted = developer.mounted()
    assert not [flag for flag in mounted["mine/mine/data"] if flag.startswith(("shared", "master"))]
    assert sorted(mounted) == ["mine", "mine/mine/data"]
    assert {"ro", "noexec"} <= set(mounted["mine/mine/data"])
    unchanged(developer)


@pytest.mark.parametrize("refuse", [NO_MOUNTS, [*FORBIDDEN, str(OPEN_TREE), "ENOSYS"], [*FORBIDDEN, str(OPEN_TREE + 1), "EPERM"],
                                    [*FORBIDDEN, str(OPEN_TREE + 14), "EINVAL"]],
                         ids=["no-capability", "no-open-tree", "no-move-mount", "no-mount-setattr"])
def test_a_link_where_mounting_is_refused(developer, refuse):
    mine = developer.source("mine")
    done = developer.boot(*refuse, EXTENSION_LOG_LEVEL="debug")
    assert developer.mounted() == {} and os.readlink(developer.places / "mine") == str(mine)
    assert developer.listed() == {"mine": str(mine)}
    assert f"mount of {mine}: " in done.err or f"cannot mount {mine}: " in done.err or "cannot mount at " in done.err
    assert developer.state() == {str(mine): f"{developer.places}/mine"}
    unchanged(developer, *refuse)
    unchanged(developer)  # with the right to mount, too: what is in place stays


def test_as_it_stands_where_nothing_can_be_written(developer):
    mine = developer.source("mine")
    other = source(developer.places / "other")
    developer.container.mount("--bind", developer.places, developer.places)
    developer.container.mount("-o", "remount,bind,ro", developer.places)
    done = developer.boot()
    assert developer.banner(done) == [str(mine), f"{developer.places}/other"]
    assert developer.state() == {str(mine): str(mine), str(other): str(other)}
    assert developer.names() == ["other"] and sorted(developer.mounted()) == []
    unchanged(developer)
    assert "has nothing to do" in developer.doctor()
    # Once it can be, it is mounted, and that is a change.
    developer.start_again()
    assert synced(developer.boot()) == [f"the developer's source {mine} is used through {developer.places}/mine now"]


def test_as_it_stands_for_a_user_who_may_not_write(developer, tmp_path):
    mine = developer.source("mine")
    reachable(tmp_path)
    for place in (developer.root.env["HOME"], developer.root.volume):
        os.chmod(place, 0o777)
    done = developer.boot(*USER)
    assert developer.banner(done) == [str(mine)] and not developer.places.exists()
    assert developer.state() == {str(mine): str(mine)}
    assert synced(developer.boot(*USER)) == []


@pytest.mark.parametrize("links", [False, True])
def test_a_container_that_is_started_again(developer, links):
    wrap = NO_MOUNTS if links else []
    mine = developer.source("mine")
    developer.boot(*wrap)
    developer.start_again()
    assert developer.mounted() == {} and developer.names() == ["mine"]
    done = developer.boot(*wrap)
    assert synced(done) == [] and developer.names() == ["mine"]
    assert os.path.samefile(developer.see("mine"), mine) and list(developer.mounted()) == ([] if links else ["mine"])
    # What was a mount becomes a link where the right to mount is gone.
    developer.start_again()
    assert synced(developer.boot(*NO_MOUNTS)) == []
    assert os.readlink(developer.places / "mine") == str(mine)


def test_a_new_container_over_the_same_volume(developer):
    mine = developer.source("mine")
    developer.boot()
    developer.start_again()
    shutil.rmtree(developer.places)  # a layer of its own
    assert "has nothing to do" in developer.doctor() and not developer.places.exists()
    assert synced(developer.boot()) == []
    assert os.path.samefile(developer.see("mine"), mine) and list(developer.mounted()) == ["mine"]


@pytest.mark.parametrize("links", [False, True])
def test_dev_mode_off_again(developer, links):
    developer.source("mine")
    developer.source("yours")
    before = tree(developer.src)
    developer.boot(*(NO_MOUNTS if links else []))
    assert developer.names() == ["mine", "yours"]
    (developer.places / "by-hand").mkdir()
    done = developer.boot(EXTENSION_DEV_MODE="")
    assert synced(done) == ["EXTENSION_DEV_MODE changed"], done
    assert developer.names() == ["by-hand"] and developer.listed() == {} and developer.mounted() == {}
    assert not (developer.places / LIST).exists()
    assert developer.state() == {} and tree(developer.src) == before
    done = unchanged(developer, EXTENSION_DEV_MODE="")
    assert done.err == ""


def test_what_is_no_longer_wanted_goes(developer):
    mine, yours = developer.source("mine"), developer.source("yours")
    developer.boot()
    developer.named = [yours]
    assert developer.banner(developer.boot()) == [f"{developer.places}/yours"]
    assert developer.names() == ["yours"] and list(developer.mounted()) == ["yours"]
    assert developer.listed() == {"yours": str(yours)} and developer.state() == {str(yours): f"{developer.places}/yours"}
    developer.start_again()
    developer.named = [mine]
    done = developer.boot()
    assert developer.names() == ["mine"] and list(developer.mounted()) == ["mine"] and "warning" not in done.err


def test_a_link_of_ours_follows_the_path_that_is_named(developer):
    mine = developer.source("mine")
    developer.boot(*NO_MOUNTS)
    alias = developer.src / "alias/mine"
    alias.parent.mkdir()
    alias.symlink_to(mine)
    developer.named = [alias]
    developer.boot(*NO_MOUNTS)
    assert os.readlink(developer.places / "mine") == str(alias) and developer.listed() == {"mine": str(alias)}
    developer.boot(*NO_MOUNTS, EXTENSION_DEV_MODE="")
    assert developer.names() == []


def test_a_mount_that_is_in_use_goes(developer):
    """And one that lies over another, as two runs at once can make them."""
    developer.source("mine")
    developer.boot()
    developer.container.mount("--bind", developer.places / "mine", developer.places / "mine")
    user = subprocess.Popen([*developer.container.prefix, "sh", "-c", f"cd {developer.places}/mine && echo there && exec cat"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert user.stdout.readline() == "there\n"
    developer.boot(EXTENSION_DEV_MODE="")
    assert developer.mounted() == {} and developer.names() == []
    user.communicate()


@pytest.mark.parametrize("links", [False, True])
def test_several_at_once(developer, links):
    """Containers that share the folder of sources, or a sync by hand during a boot, come to the same places."""
    for name in ("one", "two", "three"):
        developer.source(name)
    wrap = [*developer.container.prefix, *(NO_MOUNTS if links else [])]
    command = [*wrap, str(developer.root.programs.entrypoint), "--root", str(developer.root.folder), "true"]
    env = developer.root.environment(developer.environment({"EXTENSION_SYNC": "never"}))
    for _ in range(3):
        running = [subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) for _ in range(8)]
        said = [process.communicate()[1] for process in running]
        assert len(set(said)) == 1 and said[0].count(f"- mounting extension {developer.places}/") == 3, said
        assert developer.names() == ["one", "three", "two"] and len(developer.listed()) == 3
        developer.run("sync", EXTENSION_DEV_MODE="")
        assert developer.names() == [] and developer.mounted() == {}


def test_who_comes_second_sees_what_the_first_made(developer):
    """The test is the first: it has the lock, and places the source after the second has seen that it has no place."""
    mine = developer.source("mine")
    developer.places.mkdir()
    lock = os.open(developer.places, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    command = [*developer.container.prefix, str(developer.root.programs.entrypoint), "--root", str(developer.root.folder), "true"]
    env = developer.root.environment(developer.environment({"EXTENSION_SYNC": "never"}))
    second = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)

    def open_files():
        for file in pathlib.Path(f"/proc/{second.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                yield os.readlink(file)

    while second.poll() is None and str(developer.places) not in open_files():
        os.sched_yield()
    (developer.places / LIST).write_text(f"localstack-extensions-places\t1\nplace\tmine\t{mine}\n")
    (developer.places / "mine").symlink_to(mine)
    os.close(lock)
    assert f"- mounting extension {developer.places}/mine\n" in second.communicate()[1]
    assert developer.names() == ["mine"] and os.readlink(developer.places / "mine") == str(mine)


def test_who_keeps_the_lock_holds_nobody_up(developer):
    developer.source("mine")
    developer.places.mkdir()
    lock = os.open(developer.places, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert developer.banner(developer.boot(EXTENSION_SYNC="never")) == [f"{developer.places}/mine"]
    os.close(lock)


def test_a_folder_that_is_made_again(developer):
    """A repository that is cloned anew has another inode, and the mount would show what is no more."""
    mine = developer.source("mine")
    developer.boot()
    shutil.rmtree(mine)
    done = developer.boot()
    assert "there is no such folder" in done.err and developer.names() == [] and developer.mounted() == {}
    assert synced(done) == [f"the developer's source {mine} is gone"]
    source(mine, version="2.0")
    developer.boot()
    assert os.path.samefile(developer.see("mine"), mine)
    (mine / "old").mkdir()
    mine.rename(developer.src / "aside")
    source(mine, version="3.0")
    developer.boot()
    assert os.path.samefile(developer.see("mine"), mine) and list(developer.mounted()) == ["mine"]


def test_what_is_ours_no_longer_stays(developer):
    """Somebody uses the names for himself, after the mounts are gone."""
    developer.source("one"), developer.source("two"), developer.source("three")
    developer.boot()
    developer.start_again()
    (developer.places / "one/file").touch()
    (developer.places / "two").rmdir()
    (developer.places / "two").symlink_to(developer.root.folder)
    developer.container.mount("--bind", developer.root.folder / "etc", developer.places / "three")
    developer.boot(EXTENSION_DEV_MODE="")
    assert developer.names() == ["one", "three", "two"] and developer.listed() == {}
    assert (developer.places / "one/file").exists() and os.readlink(developer.places / "two") == str(developer.root.folder)
    assert list(developer.mounted()) == ["three"]


def test_names_that_are_somebody_elses(developer):
    mine = developer.source("mine")
    theirs = source(developer.places / "mine", "theirs")
    (developer.places / "mine-2").touch()
    (developer.places / "mine-3").symlink_to("/no/such")
    done = developer.boot()
    assert developer.banner(done) == [f"{developer.places}/mine-4", str(theirs)]
    assert developer.mounted().keys() == {"mine-4"} and developer.listed() == {"mine-4": str(mine)}
    assert f"{developer.places}/mine-3 is a link that leads nowhere" in done.err
    unchanged(developer)


def test_two_of_one_name(developer):
    one, two = developer.source("a/mine"), developer.source("b/mine")
    for _ in range(2):
        done = developer.boot()
        assert developer.banner(done) == [f"{developer.places}/mine", f"{developer.places}/mine-2"]
        assert os.path.samefile(developer.see("mine"), one) and os.path.samefile(developer.see("mine-2"), two)
        developer.start_again()
    developer.boot()
    # Who has which name hangs upon their order alone.
    developer.named.reverse()
    developer.boot()
    assert os.path.samefile(developer.see("mine"), two) and os.path.samefile(developer.see("mine-2"), one)
    assert sorted(developer.mounted()) == ["mine", "mine-2"]


@pytest.mark.parametrize("links", [False, True])
@pytest.mark.parametrize("name", ["with blanks", "new\nline", "tab\there", "back\\slash\\n", "ünïcödé", "-r", "x" * 255])
def test_odd_names(developer, name, links):
    mine = developer.source(name, "odd")
    wrap = NO_MOUNTS if links else []
    developer.boot(*wrap)
    assert os.path.samefile(developer.see(name), mine)
    unchanged(developer, *wrap)
    developer.boot(*wrap, EXTENSION_DEV_MODE="")
    assert developer.names() == []


def test_a_name_that_is_too_long(developer):
    """A repository of several can come to that."""
    source(developer.src / "repository" / ("x" * 250), "odd")
    developer.named = [developer.src / "repository"]
    done = developer.boot()
    assert developer.banner(done) == [f"{developer.src}/repository/{'x' * 250}"]
    unchanged(developer)


def test_settings_that_cannot_be_read(developer):
    """The venv leads through the places, and has to do so although nobody knows what is wanted."""
    mine = developer.source("mine")
    developer.boot()
    developer.start_again()
    (developer.root.conf / "extensions.yaml").write_text("nonsense: 1\n")
    done = developer.boot(EXTENSION_DEV_MODE="")
    assert "there is no key" in done.err and os.path.samefile(developer.see("mine"), mine)
    assert list(developer.mounted()) == ["mine"]
    # In a run without the right to mount there is nothing that it could make worse.
    assert developer.boot(*NO_MOUNTS, EXTENSION_DEV_MODE="").status == 0 and list(developer.mounted()) == ["mine"]


def test_sync_never(developer):
    mine = developer.source("mine")
    done = developer.boot(EXTENSION_SYNC="never")
    assert developer.banner(done) == [f"{developer.places}/mine"] and not developer.root.extensions.exists()
    assert os.path.samefile(developer.see("mine"), mine)
    # What was made is known, although no sync wrote a state.
    developer.named = []
    developer.boot(EXTENSION_SYNC="never")
    assert developer.names() == [] and developer.mounted() == {}
    developer.named = [mine]
    developer.boot(EXTENSION_SYNC="never")
    developer.boot(EXTENSION_SYNC="never", EXTENSION_DEV_MODE="")  # the venv leads there, and stays as it is
    assert developer.names() == ["mine"]


def test_a_list_that_is_no_list(developer):
    mine = developer.source("mine")
    developer.places.mkdir()
    elsewhere = developer.places / "../../elsewhere"
    elsewhere.symlink_to("/x")
    for text in ("garbage", "\0\n", "localstack-extensions-places\t2\nplace\tmine\t/x\n",
                 "localstack-extensions-places\t1\nplace\t..\t/x\nplace\t../../elsewhere\t/x\nplace\tmine\tx\nplace\n\n"):
        (developer.places / LIST).write_text(text)
        developer.boot()
        assert os.path.samefile(developer.see("mine"), mine) and developer.names() == ["mine"]
        developer.boot(EXTENSION_DEV_MODE="")
        developer.start_again()
    assert elsewhere.is_symlink()
    (developer.places / LIST).unlink(missing_ok=True)
    os.mkfifo(developer.places / LIST)
    assert developer.banner(developer.boot()) == [f"{developer.places}/mine"]


# ---- which folders

def test_what_stands_there_is_used_there(developer):
    one, two = source(developer.places / "one"), source(developer.places / "two")
    (developer.places / "README").touch()
    (developer.places / ".hidden").mkdir()
    done = developer.boot()
    assert developer.banner(done) == [str(one), str(two)] and "warning" not in done.err
    assert developer.mounted() == {} and not (developer.places / LIST).exists()
    unchanged(developer)
    developer.named = [two]  # the order in which they are named counts
    assert developer.banner(developer.boot()) == [str(two), str(one)]


def test_relative_folders_are_localstacks(developer):
    mine = source(developer.root.folder / "opt/code/localstack/mine")
    done = developer.boot(EXTENSION_DEV_SOURCES=":mine/::./mine")
    assert developer.banner(done) == [f"{developer.places}/mine"]
    assert developer.state() == {str(mine): f"{developer.places}/mine"}


def test_the_same_folder_twice(developer):
    mine = developer.source("mine")
    (developer.src / "link").symlink_to(mine)
    developer.named = [mine, f"{mine}/", developer.src / "link", f"{developer.src}/../src/mine"]
    developer.places.mkdir()
    (developer.places / "also").symlink_to(mine)
    for _ in range(2):
        done = developer.boot()
        developer.named.append(developer.places / "mine")
        assert developer.banner(done) == [f"{developer.places}/mine"] and "warning" not in done.err
    developer.named = [developer.places / "mine", mine]
    for _ in range(2):
        assert developer.banner(developer.boot()) == [f"{developer.places}/mine"]
        assert os.path.samefile(developer.see("mine"), mine)
    assert developer.banner(unchanged(developer)) == [f"{developer.places}/mine"]
    developer.named = [developer.places / "also", mine]
    assert developer.banner(developer.boot()) == [f"{developer.places}/also"]
    assert developer.names() == ["also"]


@pytest.mark.parametrize("last", [False, True])
def test_the_folder_of_sources_is_named_itself(developer, last):
    mine, there = developer.source("mine"), source(developer.places / "there")
    developer.named.insert(len(developer.named) if last else 0, developer.places)
    for _ in range(2):
        assert sorted(developer.banner(developer.boot())) == [f"{developer.places}/mine", str(there)]
        assert os.path.samefile(developer.see("mine"), mine)


def test_no_source_at_all(developer):
    done = developer.boot()
    assert f"EXTENSION_DEV_MODE is on, but there is no source: mount the folder with the extension's project file at {developer.places}/NAME" \
        in done.err


def test_mounted_by_somebody_else(developer):
    """As the CLI mounts them. What we did not make we do not take away."""
    mine = developer.source("mine")
    (developer.places / "mine").mkdir(parents=True)
    developer.container.mount("--bind", mine, developer.places / "mine")
    done = developer.boot()
    assert developer.banner(done) == [f"{developer.places}/mine"] and developer.listed() == {}
    developer.boot(EXTENSION_DEV_MODE="")
    assert list(developer.mounted()) == ["mine"]


def test_a_source_that_is_a_link(developer):
    real = source(developer.src / "somewhere/real")
    (developer.src / "mine").symlink_to(real)
    developer.named = [developer.src / "mine"]
    done = developer.boot()
    assert developer.banner(done) == [f"{developer.places}/mine"] and os.path.samefile(developer.see("mine"), real)
    unchanged(developer)
    # Another folder behind the same link takes its place.
    other = source(developer.src / "elsewhere/real")
    (developer.src / "mine").unlink()
    (developer.src / "mine").symlink_to(other)
    developer.boot()
    assert os.path.samefile(developer.see("mine"), other) and list(developer.mounted()) == ["mine"]


def test_a_repository_of_several(developer):
    repository = developer.src / "repository"
    for name in ("two", "one", "node_modules", "build", ".venv", "dist"):
        source(repository / name)
    (repository / "docs").mkdir()
    (repository / "pyproject.toml").write_text("[tool.ruff]\nline-length = 140\n")
    (repository / "setup.cfg").write_text("[flake8]\nmax-line-length = 140\n")
    developer.named = [repository]
    there = source(developer.places / "more/three")
    done = developer.boot()
    assert developer.banner(done) == [f"{developer.places}/repository-one", f"{developer.places}/repository-two", str(there)]
    assert "warning" not in done.err
    assert developer.listed() == {"repository-one": f"{repository}/one", "repository-two": f"{repository}/two"}
    source(repository / "zero")
    assert synced(developer.boot()) == [f"the developer's source {repository}/zero is new"]


@pytest.mark.parametrize("file,text", [
    ("pyproject.toml", "[build-system]\n"), ("pyproject.toml", "[ project ]\n"), ("pyproject.toml", "project.name = 'x'\n"),
    ("pyproject.toml", "\r\n[tool.poetry.dependencies]\r\n"), ("pyproject.toml", "[tool.flit.metadata]"), ("pyproject.toml", None),
    ("setup.cfg", "[metadata]\nname = x\n"), ("setup.cfg", "[options.entry_points]\n"), ("setup.py", ""),
    ("x.egg-info/PKG-INFO", ""), ("src/x.egg-info/PKG-INFO", "")])
def test_what_makes_a_project(developer, file, text):
    path = developer.src / "mine" / file
    path.parent.mkdir(parents=True)
    path.mkdir() if text is None else path.write_text(text)
    developer.named = [developer.src / "mine"]
    assert developer.banner(developer.boot()) == [f"{developer.places}/mine"]


@pytest.mark.parametrize("file,text", [
    ("pyproject.toml", "[tool.ruff]\nproject = 1\n"), ("pyproject.toml", "[projects]\n[tool.poetryx]\n"), ("setup.cfg", "[flake8]\n"),
    ("README", ""), ("src/x.py", ""), ("a/b/setup.py", ""), ("node_modules/setup.py", ""), ("build/setup.py", ""), (".x/setup.py", "")])
def test_folders_without_a_project(developer, file, text):
    path = developer.src / "mine" / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    developer.named = [developer.src / "mine"]
    for _ in range(2):  # it is said at each boot
        done = developer.boot()
        assert f"{developer.src}/mine holds no extension" in done.err and "take this one out of EXTENSION_DEV_SOURCES" in done.err
        assert developer.banner(done) == [] and developer.names() == []


def test_folders_that_cannot_be_used(developer):
    mine = developer.source("mine")
    (developer.src / "file").touch()
    (developer.places / "empty").mkdir(parents=True)
    (developer.places / "build").mkdir()
    developer.named += [developer.src / "none", developer.src / "file"]
    done = developer.boot()
    assert developer.banner(done) == [f"{developer.places}/mine"]
    assert f"EXTENSION_DEV_SOURCES names {developer.src}/none, and there is no such folder: mount it" in done.err
    assert f"EXTENSION_DEV_SOURCES names {developer.src}/file, which is no folder" in done.err
    assert f"{developer.places}/empty holds no extension" in done.err and f"take this one out of {developer.places}" in done.err
    assert done.err.count("warning: ") == 3, done
    (developer.root.conf / "extensions.yaml").write_text(f"dev:\n  sources: [{mine}, {developer.src}/none]\n")
    done = developer.boot(EXTENSION_DEV_SOURCES=None)
    assert f"{developer.root.conf}/extensions.yaml:2: dev.sources names {developer.src}/none, and there is no such folder" in done.err
    # The reconciler says it too, unless the boot has done so.
    assert "and there is no such folder" in developer.run("plan", EXTENSION_DEV_SOURCES=None).err


def test_a_folder_that_cannot_be_read(developer, tmp_path):
    mine = developer.source("mine")
    mine.chmod(0o700)
    reachable(tmp_path)
    done = developer.boot(*USER, EXTENSION_SYNC="never")
    assert f"{mine} cannot be read (Permission denied)" in done.err and "let user 12345 read it" in done.err
    assert developer.banner(done) == []


def test_a_project_in_the_folder_of_sources_itself(developer):
    source(developer.places, "mine")
    done = developer.boot()
    assert f"mount the project at {developer.places}/NAME" in done.err and developer.banner(done) == []


# ---- what is a change

def test_reasons(developer):
    one, two = source(developer.places / "one"), source(developer.places / "two")
    assert len(synced(developer.boot())) == 1
    for change, reason in (
        (lambda: (one / "one/new.py").touch(), None),
        (lambda: (one / "one/__init__.py").write_text("# edited\n"), None),
        (lambda: (one / "more.py").touch(), f"the folder {one} changed"),
        (lambda: (two / "pyproject.toml").write_text("[project]\nname = 'two'\nversion = '2'\n"), f"the folder {two} changed"),
        (lambda: source(developer.places / "three"), f"the developer's source {developer.places}/three is new"),
        (lambda: shutil.rmtree(developer.places / "three"), f"the developer's source {developer.places}/three is gone"),
        (lambda: (two / "pyproject.toml").unlink(), f"the developer's source {two} is gone"),
    ):
        change()
        assert synced(developer.boot()) == ([reason] if reason else []), reason
        unchanged(developer)


def test_the_banner_in_json(developer):
    developer.source("mine")
    done = developer.boot(EXTENSION_LOG_FORMAT="json")
    messages = [json.loads(line)["message"] for line in done.err.splitlines()]
    assert messages[:2] == ["LocalStack extension developer mode enabled", f"- mounting extension {developer.places}/mine"]


def test_a_plan_places_nothing(developer):
    mine = developer.source("mine")
    developer.run("plan")
    assert not developer.places.exists()
    developer.run("sync")
    assert os.path.samefile(developer.see("mine"), mine) and developer.state() == {str(mine): f"{developer.places}/mine"}
    assert synced(developer.boot()) == []
    before = tree(developer.see())
    developer.named = []
    developer.run("plan")
    developer.doctor()
    assert tree(developer.see()) == before


# ---- the CLI's own wrapper

def test_the_wrapper_of_the_cli(developer, programs):
    """Its .pth files in the base are no change, and the entrypoint is called by the old script's name."""
    mine = source(developer.places / "mine")
    (mine / "mine.egg-info").mkdir()
    (mine / "mine.egg-info/PKG-INFO").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    root = developer.root
    link = root.folder / "usr/local/bin/docker-entrypoint.sh"
    link.parent.mkdir(parents=True)
    link.symlink_to(programs.entrypoint)
    site = root.base / "lib" / root.python / "site-packages"
    wrapper = root.folder / "wrapper.sh"
    wrapper.write_text(f"#!/bin/sh\necho {root.site} >> {site}/localstack-extensions-venv.pth\n"
                       f"echo {mine} >> {site}/mine.pth\nexec {link} --root {root.folder} \"$@\"\n")
    wrapper.chmod(0o755)

    def boot(**env):
        done = subprocess.run([*developer.container.prefix, wrapper, "echo", "up"], env=root.environment(env), capture_output=True, text=True)
        assert done.stdout == "up\n", done.stderr
        return done.stderr

    assert "preparing the extensions: there has been no sync yet" in boot()
    assert boot() == ""  # the lines of the wrapper are doubled by now
    assert "EXTENSION_DEV_MODE changed" in boot(EXTENSION_DEV_MODE="1")
    assert "preparing" not in boot(EXTENSION_DEV_MODE="1")


# ---- what it costs

def calls(developer, tmp_path, **env):
    log = tmp_path / "strace"
    developer.boot("strace", "-f", "-o", log, command=["/bin/true"], **env)
    lines = log.read_text().splitlines()
    return lines[:max(i for i, line in enumerate(lines) if "execve(" in line)]


strace = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")


@strace
@pytest.mark.parametrize("links", [False, True])
def test_an_unchanged_boot_with_two_sources(developer, tmp_path, programs, links):
    if programs.sanitized:
        pytest.skip("needs the static program")
    for name in ("one", "two"):
        mine = developer.source(name)
        for folder in ("tests", "docs", ".git", f"{name}.egg-info"):
            (mine / folder).mkdir()
        for file in ("README.md", "LICENSE", "Makefile"):
            (mine / file).touch()
    developer.boot(*(NO_MOUNTS if links else []))
    made = calls(developer, tmp_path)
    print(len(made), "system calls")
    assert len(made) <= 150, "\n".join(made)
    assert not [line for line in made[1:] if CHANGES_OR_CHILDREN.search(line)]


@strace
def test_without_dev_mode_nobody_looks_for_sources(developer, tmp_path, programs):
    if programs.sanitized:
        pytest.skip("needs the static program")
    source(developer.places / "mine")
    developer.boot(EXTENSION_DEV_MODE="")
    assert not [line for line in calls(developer, tmp_path, EXTENSION_DEV_MODE="") if str(developer.places) in line]
