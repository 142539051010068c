# SPDX-License-Identifier: Apache-2.0
"""Baking: wheels and their lock in a folder of an image, and boots that install from them alone."""

import hashlib
import json
import pathlib
import random
import re
import shutil
import stat
import subprocess
import sys
import tomllib
import zipfile

import pytest
from packaging.pylock import Pylock

from checks import check_records, demo_set, tree
from conftest import switch_base
from repositories import Repository
from sources import make_folder, make_source
from wheels import make_wheel, wheel_bytes

BIN = pathlib.Path(sys.executable).parent
LONG = 120
strace = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


@pytest.fixture
def image(tmp_path):
    """The folder of the image that is baked into."""
    return tmp_path / "image/opt/extensions"


def bake(root, folder, *args, status=0, wrap=(), **env):
    done = root.run("bake", folder, *args, env=env, wrap=wrap)
    assert done.status == status, done
    return done


def read(folder):
    """The lock as packaging reads it, which refuses what is not to the specification: package -> table."""
    document = tomllib.loads((folder / "pylock.toml").read_text())
    Pylock.from_dict(document).validate()
    return {p["name"]: p for p in document["packages"]}


def bytes_of(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def empty_volume(root):
    shutil.rmtree(root.volume)
    root.volume.mkdir()


def boot(root, folder, status=0, wrap=(), **env):
    """A first or later boot of an image whose index nobody answers."""
    env = {"EXTENSION_LOCK": folder / "pylock.toml", "PIP_INDEX_URL": "http://127.0.0.1:9/simple/", **env}
    done = root.boot("true", env=env, wrap=wrap)
    assert done.status == status, done
    return done


def litter(*folders):
    return sorted(str(p) for f in folders for p in pathlib.Path(f).rglob("*"))


# ---- what is baked


def test_wheels_and_their_lock(root, index, image):
    """Of the default inputs; the first boot installs from it with nobody to ask, and the next one has nothing to do."""
    demo_set(index)
    root.requirements("viewer\n")
    done = bake(root, image, EXTENSION_AUTO_INSTALL="typed>=0.1")
    assert "baked 3 distributions" in done.err and f"EXTENSION_LOCK={image}/pylock.toml" in done.err and not done.out
    files = index.folder / "index/files"
    names = {"lib-one": "lib_one-2.5-py3-none-any.whl", "typed": "typed-0.3-py3-none-any.whl", "viewer": "viewer-1.0-py3-none-any.whl"}
    assert bytes_of(image) == {**{n: (files / n).read_bytes() for n in names.values()},
                               "pylock.toml": (image / "pylock.toml").read_bytes()}
    packages = read(image)
    assert {name: p["wheels"] for name, p in packages.items()} == {
        name: [{"name": file, "path": file, "size": (files / file).stat().st_size, "hashes": {"sha256": sha256(files / file)}}]
        for name, file in names.items()}
    assert packages["typed"]["dependencies"] == [{"name": "lib-one"}]
    assert index.server.url.split("/")[2] not in (image / "pylock.toml").read_text()
    assert tomllib.loads((image / "pylock.toml").read_text())["tool"]["localstack-extensions"] == {
        "baked": True, "base": [{"name": "werkzeug", "version": "3.1.6", "needed-by": ["viewer"]}]}
    index.server.stop()
    assert not litter(root.volume)
    first = boot(root, image)
    assert re.search(r"installed lib-one 2\.5, typed 0\.3, viewer 1\.0: .* read 3 \(0\.0 MB\) in", first.err), first
    assert "download" not in first.err
    assert root.installed() == {"lib-one": "2.5", "typed": "0.3", "viewer": "1.0"}
    check_records(root)
    again = boot(root, image, EXTENSION_LOG_LEVEL="debug")
    assert "nothing changed since the last sync" in again.err and "localstack-extensions:" not in again.err
    assert json.loads(root.run("check", "--format", "json", env={"EXTENSION_LOCK": image / "pylock.toml"}).out)["problems"] == []


def test_requirements_behind_the_folder_and_in_files(root, index, image, tmp_path):
    demo_set(index)
    root.requirements("viewer\n")
    bake(root, image, "typed")
    assert set(read(image)) == {"lib-one", "typed"}
    (tmp_path / "mine.txt").write_text("lib-one\n")
    (tmp_path / "limits.txt").write_text("lib-one<2\n")
    index.add("lib-one", "1.5")
    bake(root, tmp_path / "other", "-r", tmp_path / "mine.txt", "-c", tmp_path / "limits.txt", EXTENSION_AUTO_INSTALL="typed")
    assert {n: p["version"] for n, p in read(tmp_path / "other").items()} == {"lib-one": "1.5"}


def test_relative_folders_and_bad_ones(root, index, tmp_path):
    index.add("demo", "1.0")
    work = tmp_path / "work"
    (work / "there").mkdir(parents=True)
    (work / "file").write_text("")
    for folder in ("there", "new/deep/", "./there/../dots"):
        done = subprocess.run(root.command("bake", folder, "demo"), env=root.environment({}), cwd=work, capture_output=True, text=True,
                              timeout=LONG)
        assert done.returncode == 0, done.stderr
        assert set(read(work / folder)) == {"demo"}
    assert "is no folder" in bake(root, work / "file", "demo", status=2).err
    assert "is no folder" in bake(root, work / "file/below", "demo", status=2).err
    missing = root.run("bake")
    assert missing.status == 2 and "wants the folder to write to" in missing.err


def test_a_folder_on_the_volume(root, index):
    """Whatever is mounted there hides it."""
    index.add("demo", "1.0")
    assert "is on the volume" in bake(root, root.volume / "extensions", "demo").err
    assert "is on the volume" not in bake(root, root.folder / "var/lib/localstack-too", "demo").err


def test_what_is_installed_does_not_count(root, index, image):
    """The image is built without the volume, and boots on whatever there is."""
    index.add("demo", "1.0")
    root.sync("demo")
    index.add("demo", "1.1")
    before = tree(root.volume)
    bake(root, image, "demo")
    assert read(image)["demo"]["version"] == "1.1"
    assert tree(root.volume) == before
    boot(root, image)
    assert root.installed() == {"demo": "1.1"}


def test_what_the_base_has_is_not_baked(root, index, image):
    index.add("demo", "1.0", ["typing-extensions>=4", "werkzeug[watchdog]"])
    index.add("watchlog", "2.1")
    bake(root, image, "demo", "markupsafe")
    assert set(read(image)) == {"demo", "watchlog"}


def test_nothing_asked_for(root, image):
    done = bake(root, image)
    assert "nothing is asked for" in done.err and read(image) == {}
    boot(root, image)
    assert root.installed() == {}
    others = bake(root, image, "markupsafe")
    assert "nothing is asked for" not in others.err and "baked 0 distributions" in others.err


def test_the_setting_of_the_image_does_not_count(root, index, image):
    """A Dockerfile may set EXTENSION_LOCK before it bakes what it names."""
    index.add("demo", "1.0")
    root.requirements("demo\n")
    bake(root, image, EXTENSION_LOCK=image / "pylock.toml")
    assert set(read(image)) == {"demo"}


def test_from_a_lock(root, index, image, tmp_path):
    """What was locked and reviewed elsewhere, fetched at build time."""
    demo_set(index)
    lock = tmp_path / "pylock.toml"
    assert root.run("lock", "-o", lock, "typed").status == 0
    index.add("lib-one", "2.6")
    bake(root, image, "--locked", lock)
    assert {n: p["version"] for n, p in read(image).items()} == {"lib-one": "2.5", "typed": "0.3"}
    boot(root, image)
    assert root.installed() == {"lib-one": "2.5", "typed": "0.3"}
    assert (root.info("typed") / "REQUESTED").exists() and not (root.info("lib-one") / "REQUESTED").exists()
    text = lock.read_text()
    lock.write_text(text.replace(sha256(index.folder / "index/files/lib_one-2.5-py3-none-any.whl"), "0" * 64))
    shutil.rmtree(image)
    refused = bake(root, image, "--locked", lock, status=1)
    assert "nothing is baked" in refused.err and not image.exists()
    assert "--locked stands in" in root.run("bake", image, "demo", "--locked", lock).err


# ---- what has to be built


def test_all_that_is_built_is_baked_as_a_wheel(root, index, image, tmp_path):
    """A source distribution, a repository, an archive and a folder: the boot has no compiler, and no source."""
    index.index.add(make_source(tmp_path / "new", "from-sdist", "1.0", ["lib-one"]))
    index.add("lib-one", "2.5")
    source = make_source(tmp_path / "archives", "from-archive", "2.0")
    folder = make_folder(tmp_path / "folder", "from-folder", "3.0", files={"__init__.py": "", "tool.sh": "#!/bin/sh\n"})
    repository = Repository(tmp_path / "repository")
    made = make_folder(tmp_path / "made", "from-git", "4.0")
    repository.commit({p.relative_to(made).as_posix(): p.read_text() for p in made.rglob("*") if p.is_file()})
    bake(root, image, "from-sdist", source.as_uri(), folder, f"from-git @ git+file://{repository.folder}")
    packages = read(image)
    assert {n: p["version"] for n, p in packages.items()} == {
        "from-archive": "2.0", "from-folder": "3.0", "from-git": "4.0", "from-sdist": "1.0", "lib-one": "2.5"}
    assert sorted(p.name for p in image.iterdir()) == [
        "from_archive-2.0-py3-none-any.whl", "from_folder-3.0-py3-none-any.whl", "from_git-4.0-py3-none-any.whl",
        "from_sdist-1.0-py3-none-any.whl", "lib_one-2.5-py3-none-any.whl", "pylock.toml"]
    assert packages["from-folder"]["archive"]["path"] == "from_folder-3.0-py3-none-any.whl"
    assert packages["from-sdist"]["wheels"][0]["path"] == "from_sdist-1.0-py3-none-any.whl"
    assert str(tmp_path) not in (image / "pylock.toml").read_text()
    for path in (tmp_path / "archives", folder, repository.folder):
        shutil.rmtree(path)
    index.server.stop()
    done = boot(root, image)
    assert "building" not in done.err and len(root.installed()) == 5
    check_records(root)


def test_a_built_wheel_is_as_it_was_built(root, image, tmp_path):
    """Packed anew without times: the same files, executable or not, dist-info last."""
    files = {"demo/__init__.py": "x = 1\n" * 1000, "demo/data/ä.txt": "ä\n", "demo/empty": ""}
    data = {"scripts/demo-run": "#!python\nprint('run')\n", "data/share/demo/info": "i\n"}
    wheel = wheel_bytes("demo", "1.0", files=files, data_files=data, entry_points={"console_scripts": {"demo": "demo:main"}})
    make_source(tmp_path, "demo", "1.0", files=files, data_files=data, entry_points={"console_scripts": {"demo": "demo:main"}})
    bake(root, image, tmp_path / "demo-1.0.tar.gz")
    (tmp_path / "as-built.whl").write_bytes(wheel)
    with zipfile.ZipFile(tmp_path / "as-built.whl") as before, zipfile.ZipFile(image / "demo-1.0-py3-none-any.whl") as after:
        assert {n: after.read(n) for n in after.namelist()} == {n: before.read(n) for n in before.namelist()}
        assert all(i.date_time == (1980, 1, 1, 0, 0, 0) for i in after.infolist())
        assert {i.filename for i in after.infolist() if i.external_attr >> 16 & 0o111} == {"demo-1.0.data/scripts/demo-run"}
        assert all(stat.S_ISREG(i.external_attr >> 16) for i in after.infolist())
        in_info = [".dist-info/" in n for n in after.namelist()]
        assert in_info == sorted(in_info)
    boot(root, image)
    assert subprocess.run([root.venv / "bin/demo-run"], capture_output=True, text=True, check=True).stdout == "run\n"
    done = subprocess.run([sys.executable, "-m", "pip", "--python", sys.executable, "download", "--no-deps", "--no-index", "-d", tmp_path / "d",
                           image / "demo-1.0-py3-none-any.whl"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_sources_that_are_linked(root, index, image, tmp_path):
    """-e and EXTENSION_DEV_MODE have no wheel: a sentence says what becomes of them."""
    index.add("part", "1.0")
    index.add("other-part", "1.0")
    folder = make_folder(tmp_path / "mine", "mine", "1.0", ["part"])
    root.requirements(f"-e {folder}\n")
    done = bake(root, image)
    assert "mine is not baked" in done.err and "name the folder without -e" in done.err
    assert set(read(image)) == {"part"}
    root.requirements(f"{folder}\n")
    bake(root, image)
    assert set(read(image)) == {"mine", "part"}
    root.requirements("")
    make_folder(root.folder / "opt/code/extensions/theirs", "theirs", "1.0", ["other-part"])
    done = bake(root, image, EXTENSION_DEV_MODE="1")
    assert "theirs is not baked" in done.err and "EXTENSION_DEV_MODE" in done.err
    assert set(read(image)) == {"other-part"}


# ---- the folder


def test_the_same_bytes_each_time(root, index, image, tmp_path):
    """Also of what is built, in another folder, at another time; and what is there already is not written again."""
    demo_set(index)
    folder = make_folder(tmp_path / "folder", "from-folder", "3.0")
    bake(root, image, "typed", "viewer", folder)
    bake(root, tmp_path / "elsewhere/deep", "viewer", folder, "typed", TZ="Asia/Tokyo")
    assert bytes_of(image) == bytes_of(tmp_path / "elsewhere/deep")
    before = tree(image)
    bake(root, image, "typed", "viewer", folder)
    assert tree(image) == before


def test_a_second_bake_replaces_the_first(root, index, image):
    """Its wheels go, others stay: what nobody baked, and what somebody has changed since."""
    demo_set(index)
    bake(root, image, "typed", "viewer")
    (image / "notes.txt").write_text("mine")
    make_wheel(image, "own", "1.0")
    make_wheel(image, "viewer", "1.0", files={"viewer.py": "changed\n"})
    index.add("lib-one", "3.0")
    done = bake(root, image, "typed")
    assert f"{image}/viewer-1.0-py3-none-any.whl is left" in done.err
    assert sorted(p.name for p in image.iterdir()) == [
        "lib_one-3.0-py3-none-any.whl", "notes.txt", "own-1.0-py3-none-any.whl", "pylock.toml", "typed-0.3-py3-none-any.whl",
        "viewer-1.0-py3-none-any.whl"]
    boot(root, image)
    assert root.installed() == {"lib-one": "3.0", "typed": "0.3"}


def test_files_of_others_are_not_touched(root, index, image):
    """A lock, or another wheel of the same name, that no bake wrote: refused with nothing changed."""
    index.add("demo", "1.0")
    image.mkdir(parents=True)
    for content in ('lock-version = "1.0"\ncreated-by = "uv"\npackages = []\n', "no TOML", "lock-version = '1.0'\n"):
        (image / "pylock.toml").write_text(content)
        done = bake(root, image, "demo", status=2)
        assert f"{image}/pylock.toml is there, and `bake` did not write it" in done.err
        assert bytes_of(image) == {"pylock.toml": content.encode()}
    (image / "pylock.toml").unlink()
    assert root.run("lock", "-o", image / "pylock.toml", "demo").status == 0
    assert "did not write it" in bake(root, image, "demo", status=2).err
    (image / "pylock.toml").unlink()
    other = make_wheel(image, "demo", "1.0", files={"demo.py": "another\n"})
    before = tree(image)
    assert f"{other} is there, and `bake` did not write it" in bake(root, image, "demo", status=2).err
    assert tree(image) == before
    other.write_bytes((index.folder / "index/files" / other.name).read_bytes())
    bake(root, image, "demo")


def test_wheels_that_were_there_stay(root, image):
    """A folder of wheels may be baked into itself: they are somebody else's, however often that is done."""
    ours = make_wheel(image, "mine", "1.0")
    bake(root, image, "mine", "--no-index", "--find-links", image)
    assert read(image)["mine"]["archive"]["path"] == ours.name
    bake(root, image, "mine", "--no-index", "--find-links", image)
    make_wheel(image, "mine", "2.0")
    bake(root, image, "mine", "--no-index", "--find-links", image)
    assert read(image)["mine"]["version"] == "2.0"
    assert sorted(p.name for p in image.iterdir()) == ["mine-1.0-py3-none-any.whl", "mine-2.0-py3-none-any.whl", "pylock.toml"]


def test_a_changed_wheel_of_ours_is_baked_anew(root, index, image):
    index.add("demo", "1.0")
    bake(root, image, "demo")
    good = bytes_of(image)
    (image / "demo-1.0-py3-none-any.whl").write_bytes(b"damaged")
    bake(root, image, "demo")
    assert bytes_of(image) == good
    (image / "demo-1.0-py3-none-any.whl").unlink()
    bake(root, image, "demo")
    assert bytes_of(image) == good


def test_a_failed_bake_changes_nothing(root, index, image, tmp_path):
    """All that is wrong is told; what was baked before is there still, and a new folder is not."""
    demo_set(index)
    broken = index.add("broken", "1.0")
    broken.write_bytes(b"other")
    new = tmp_path / "new/deep"
    done = bake(root, new, "typed", "absent-name", "broken", "lib-one>9", "not a requirement", status=1)
    for said in ("absent-name (argument)", "broken (argument)", "lib-one>9 (argument)", "not a requirement (argument)"):
        assert said in done.err, done
    assert "nothing is baked" in done.err and not (tmp_path / "new").exists()
    bake(root, image, "typed")
    before = tree(image.parent)
    bake(root, image, "viewer", "absent-name", status=1)
    now = tree(image.parent)
    assert now.keys() == before.keys() and {k for k in now if now[k] != before[k]} <= {str(image)}  # its time
    index.server.stop()
    assert "nothing is baked" in bake(root, image, "viewer", status=1).err
    assert tree(image).keys() == tree(image).keys() and set(read(image)) == {"lib-one", "typed"}


class Disturbed:
    """A bake over an earlier one, and each call by which it changes the folder."""

    def __init__(self, root, index, image, tmp_path):
        index.add("part", "1.0")
        index.add("demo", "1.0", ["part"])
        links = tmp_path / "links"
        make_wheel(links, "mine", "3.0")
        self.root, self.image, self.kept = root, image, tmp_path / "kept"
        self.args = ["demo", "mine", "--find-links", links]
        bake(root, image, *self.args)
        shutil.copytree(image, self.kept)
        self.old = bytes_of(image)
        make_wheel(links, "mine", "4.0")
        index.add("demo", "2.0", ["part"])
        calls = [line.split("\t") for line in self.run("list").out.splitlines()]
        self.calls = [(int(n), call, path) for n, call, path in calls if path.startswith(str(image))]
        assert any(path == str(image / "pylock.toml") for _, _, path in self.calls) and len(self.calls) > 10, self.calls
        self.new = bytes_of(image)

    def run(self, *mode):
        shutil.rmtree(self.image)
        shutil.copytree(self.kept, self.image)
        return self.root.run("bake", self.image, *self.args, wrap=[self.root.programs.folder / "tools/faults", *mode, "--"])

    def is_whole(self):
        """Whichever lock is there, all that it names is, too."""
        packages = read(self.image).values()
        files = [p["archive"] if "archive" in p else p["wheels"][0] for p in packages]
        return len(files) == 3 and all(sha256(self.image / f["path"]) == f["hashes"]["sha256"] for f in files)


def test_killed_at_any_call(root, index, image, tmp_path):
    world = Disturbed(root, index, image, tmp_path)
    for number, call, path in world.calls:
        assert world.run("kill", number).status == 137
        assert world.is_whole(), (number, call, path)
        bake(root, image, *world.args)
        assert {n: d for n, d in bytes_of(image).items() if n not in world.old} == {
            n: d for n, d in world.new.items() if n not in world.old}, (number, call, path)
        assert not [p for p in image.iterdir() if p.name.startswith(".")] and world.is_whole()


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_a_disk_that_fails_at_any_call(root, index, image, tmp_path, error):
    """All of it is there, or it is as it was before."""
    world = Disturbed(root, index, image, tmp_path)
    for number, call, path in world.calls:
        done = world.run("fail", number, error)
        there = {p.name: p.read_bytes() for p in image.iterdir() if p.is_file()}
        assert world.is_whole() and done.status in (0, 3), (number, call, path, done)
        if done.status == 3 and call != "fsync":
            assert there == world.old and error != "" and "error:" in done.err, (number, call, path, done)
        elif done.status == 0:
            assert {**there, **world.new} == there and there.keys() <= world.old.keys() | world.new.keys(), (number, call, path, done)


@pytest.mark.parametrize("size", ["48k", "400k"])
def test_a_full_disk(root, index, image, mounts, size):
    """While wheels come, or when the lock is to be written: what was baked before is there still."""
    index.add("small", "1.0")
    index.add("large", "1.0", files={"large.bin": random.Random(1).randbytes(300_000)})
    index.add("too", "1.0", files={"too.bin": random.Random(2).randbytes(100_000)})
    image.mkdir(parents=True)
    mounts.mount("-t", "tmpfs", "-o", f"size={size}", "none", image)
    bake(root, image, "small", wrap=mounts.prefix)
    before = bytes_of(mounts.sees(image))
    done = bake(root, image, "large", "small", "too", status=3, wrap=mounts.prefix)
    assert "No space left on device" in done.err, done
    assert bytes_of(mounts.sees(image)) == before


def test_readable_by_all_whatever_umask(root, index, tmp_path):
    index.add("demo", "1.0")
    folder = make_folder(tmp_path / "folder", "from-folder", "3.0")
    image = tmp_path / "deep/er/extensions"
    bake(root, image, "demo", folder, wrap=["sh", "-c", 'umask 077; exec "$@"', "sh"])
    assert {p.name: stat.S_IMODE(p.stat().st_mode) for p in image.iterdir()} == {
        "demo-1.0-py3-none-any.whl": 0o644, "from_folder-3.0-py3-none-any.whl": 0o644, "pylock.toml": 0o644}
    assert {stat.S_IMODE(p.stat().st_mode) for p in (image, image.parent, image.parent.parent)} == {0o755}


def test_what_a_killed_bake_left_goes(root, index, image, tmp_path):
    """In the folder and in TMPDIR."""
    index.add("demo", "1.0")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for left in (image / ".bake.0123abcd.new", scratch / ".localstack-extensions-cache.0123abcd.new"):
        (left / "deep").mkdir(parents=True)
        (left / "deep/file").write_text("")
    bake(root, image, "demo", TMPDIR=scratch)
    assert sorted(p.name for p in image.iterdir()) == ["demo-1.0-py3-none-any.whl", "pylock.toml"]
    assert not litter(scratch)


# ---- an image build


def test_no_litter_in_the_layer(root, index, image, tmp_path):
    """No volume, no cache, nothing in HOME: the folder alone is new, whether the bake succeeds or not."""
    index.add("demo", "1.0")
    index.index.add(make_source(tmp_path / "new", "from-sdist", "1.0"))
    shutil.rmtree(root.folder / "var")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    home = pathlib.Path(root.env["HOME"])
    before = tree(root.folder), litter(home), litter(scratch)
    bake(root, image, "demo", "from-sdist", TMPDIR=scratch)
    assert (tree(root.folder), litter(home), litter(scratch)) == before
    bake(root, image, "demo", "absent-name", status=1, TMPDIR=scratch)
    assert (tree(root.folder), litter(home), litter(scratch)) == before
    boot(root, image)
    assert root.installed() == {"demo": "1.0", "from-sdist": "1.0"}


def test_a_cache_that_is_named_is_used(root, index, image, tmp_path):
    """As of a cache mount of a build: what is in it need not be built again, and every wheel is baked all the same."""
    index.add("demo", "1.0")
    index.index.add(make_source(tmp_path / "new", "from-sdist", "1.0"))
    cache = tmp_path / "cache"
    first = bake(root, image, "demo", "from-sdist", "--cache-dir", cache)
    made = bytes_of(image)
    shutil.rmtree(image)
    second = bake(root, image, "demo", "from-sdist", "--cache-dir", cache)
    assert bytes_of(image) == made and (cache / "unpacked").is_dir()
    assert "building" in first.err and "building" not in second.err
    root.sync("demo", "--cache-dir", cache)  # and by others


def test_a_setting_of_the_cache_is_the_volumes(root, index, image, tmp_path):
    """It says where containers have it, and would be litter in the image."""
    index.add("demo", "1.0")
    bake(root, image, "demo", EXTENSION_CACHE_DIR=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_credentials_stay_out(root, workshop, image):
    workshop.add("demo", "1.0")
    server = workshop.serve(password="hidden")
    done = bake(root, image, "demo", PIP_INDEX_URL=server.url.replace("http://", "http://user:hidden@"))
    assert "hidden" not in done.err and "hidden" not in (image / "pylock.toml").read_text()
    assert "user" not in (image / "pylock.toml").read_text()


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_others_install_from_it(root, index, image, tmp_path, tool):
    """The lock is the standard's: pip and uv read it too."""
    demo_set(index)
    folder = make_folder(tmp_path / "folder", "from-folder", "3.0")
    bake(root, image, "typed", folder)
    index.server.stop()
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, timeout=LONG)
    command = {"pip": [BIN / "python", "-m", "pip", "--disable-pip-version-check", "--python", venv / "bin/python", "install", "--no-index"],
               "uv": [BIN / "uv", "--no-progress", "pip", "install", "--preview", "--offline", "--no-cache", "--python", venv / "bin/python"]}
    env = {"PATH": "/usr/bin:/bin", "HOME": root.env["HOME"], "PIP_CONFIG_FILE": "/dev/null", "LANG": "C.UTF-8", "UV_NO_CONFIG": "1",
           "UV_PYTHON_DOWNLOADS": "never"}
    done = subprocess.run([*command[tool], "--no-deps", "-r", image / "pylock.toml"], capture_output=True, text=True, timeout=LONG, env=env)
    assert done.returncode == 0, done.stderr
    infos = sorted(p.name for p in venv.glob("lib/python3*/site-packages/*.dist-info"))
    assert infos == ["from_folder-3.0.dist-info", "lib_one-2.5.dist-info", "typed-0.3.dist-info"]


# ---- booting


@strace
@pytest.mark.parametrize("offline", ["", "1"])
def test_the_first_boot_opens_no_socket(root, index, image, tmp_path, offline):
    demo_set(index)
    folder = make_folder(tmp_path / "folder", "from-folder", "3.0")
    bake(root, image, "typed", "viewer", folder)
    log = tmp_path / "strace"
    boot(root, image, wrap=["strace", "-f", "-qq", "-o", log, "-e", "trace=socket,connect,execve"], EXTENSION_OFFLINE=offline)
    assert root.installed() == {"from-folder": "3.0", "lib-one": "2.5", "typed": "0.3", "viewer": "1.0"}
    calls = log.read_text()
    assert "execve(" in calls and not re.search(r"\b(socket|connect)\(", calls), calls


def test_a_folder_that_was_moved(root, index, image):
    """Its paths are relative to the lock: nothing is installed again."""
    index.add("demo", "1.0")
    bake(root, image, "demo", make_folder(image.parent.parent / "source", "from-folder", "3.0"))
    boot(root, image)
    before = tree(root.venv)
    moved = image.parent / "moved here"
    image.rename(moved)
    done = boot(root, moved)
    assert "installed" not in done.err and tree(root.venv) == before
    empty_volume(root)
    boot(root, moved)
    assert root.installed() == {"demo": "1.0", "from-folder": "3.0"}


def test_a_read_only_image(root, index, image, mounts):
    """And a volume on another file system, which nothing can be linked to."""
    demo_set(index)
    bake(root, image, "typed")
    mounts.mount("--bind", image, image)
    mounts.mount("-o", "remount,bind,ro", image)
    mounts.mount("-t", "tmpfs", "none", root.volume)
    seen = mounts.root(root)
    boot(root, image, wrap=mounts.prefix)
    assert seen.installed() == {"lib-one": "2.5", "typed": "0.3"}
    again = boot(root, image, wrap=mounts.prefix, EXTENSION_LOG_LEVEL="debug")
    assert "nothing changed since the last sync" in again.err


def test_a_newer_bake_over_an_old_volume(root, index, image, tmp_path):
    """Other versions, and the same version of what was built of other code."""
    index.add("demo", "1.0")
    folder = make_folder(tmp_path / "folder", "mine", "1.0", files={"__init__.py": "code = 'old'\n"})
    links = tmp_path / "links"
    make_wheel(links, "linked", "1.0", files={"linked.py": "code = 'old'\n"})
    bake(root, image, "demo", folder, "linked", "--find-links", links)
    boot(root, image)
    index.add("demo", "2.0")
    (folder / "mine/__init__.py").write_text("code = 'new'\n")
    make_wheel(links, "linked", "1.0", files={"linked.py": "code = 'new'\n"})
    newer = image.parent / "newer"
    bake(root, newer, "demo", folder, "linked", "--find-links", links)
    shutil.rmtree(image)
    newer.rename(image)
    boot(root, image)
    assert root.installed() == {"demo": "2.0", "linked": "1.0", "mine": "1.0"}
    assert root.localstack_sees("import mine, linked; print(mine.code, linked.code)") == "new new"


def test_without_the_bake_for_once(root, index, image):
    """As the README says: the variable of the image, set to nothing."""
    index.add("demo", "1.0")
    index.add("other", "1.0")
    bake(root, image, "demo")
    boot(root, image, EXTENSION_AUTO_INSTALL="other")
    assert root.installed() == {"demo": "1.0"}
    boot(root, image, EXTENSION_AUTO_INSTALL="other", EXTENSION_LOCK="", PIP_INDEX_URL=index.server.url)
    assert root.installed() == {"other": "1.0"}


def test_the_folder_in_place_of_the_lock(root, index, image):
    index.add("demo", "1.0")
    bake(root, image, "demo")
    done = boot(root, image, EXTENSION_LOCK=image)
    assert f"{image} is a folder; name the lock in it: {image}/pylock.toml" in done.err


def test_a_wheel_that_was_tampered_with(root, index, image):
    demo_set(index)
    bake(root, image, "typed")
    wheel = image / "lib_one-2.5-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes().replace(b"2.5", b"2.6"))
    done = boot(root, image)
    assert "lib-one==2.5" in done.err and "cannot be met whole" in done.err and "bake it anew" in done.err
    assert f"came with the sha256 {sha256(wheel)}, but" in done.err and f"the file {wheel} was changed" in done.err
    assert root.installed() == {}


def test_a_wheel_that_is_missing(root, index, image):
    demo_set(index)
    bake(root, image, "typed")
    (image / "lib_one-2.5-py3-none-any.whl").unlink()
    done = boot(root, image)
    assert f"there is no file {image}/lib_one-2.5-py3-none-any.whl" in done.err and "bake it anew" in done.err
    assert root.installed() == {}


def test_another_base(root, index, image):
    """Without what the bake leaned on."""
    demo_set(index)
    bake(root, image, "viewer")
    info = next(root.base.glob("lib/python3*/site-packages/werkzeug-*.dist-info"))
    shutil.rmtree(info)
    done = boot(root, image)
    assert "made beside werkzeug 3.1.6 of LocalStack's own, and this LocalStack has none" in done.err


def test_another_python(root, index, image, other_base):
    index.add("demo", "1.0")
    bake(root, image, "demo")
    switch_base(root, other_base)
    done = boot(root, image)
    assert "the lock is for Python" in done.err and "bake it anew" in done.err and root.installed() == {}


SIX = ("localstack-extension-mailhog", "localstack-extension-httpbin", "localstack-extension-typedb",
       "localstack-extension-diagnosis-viewer", "localstack-extension-openai", "localstack-wiremock")


@pytest.mark.once
def test_real_extensions(localstack_root, tmp_path, image):
    """Six of the real index over the real base: built, baked, and installed by a boot that reaches nobody."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    shutil.rmtree(localstack_root.folder / "var")
    before = tree(localstack_root.folder)
    bake(localstack_root, image, *SIX, TMPDIR=scratch)
    assert tree(localstack_root.folder) == before and not litter(scratch)
    baked = read(image)
    assert {*SIX, "flasgger", "httpx", "twisted"} <= set(baked)
    done = boot(localstack_root, image, PIP_INDEX_URL=None, PIP_CERT=None, PIP_EXTRA_INDEX_URL=None)
    assert localstack_root.installed() == {n: p["version"] for n, p in baked.items()}, done
    assert "the lock is obeyed" not in done.err
