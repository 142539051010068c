# SPDX-License-Identifier: Apache-2.0
"""localstack-extensions and the boot as a user runs them: a real index, a real Python, a root of their own."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from servers import free_port
from small_world import EXTENSIONS, PYTHON, Index, World, make_base
from wheels import make_wheel


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    index = Index(tmp_path_factory.mktemp("index"))
    index.add("plain", "1.0")
    index.add("plain", "1.1")
    index.add("plain", "2.0rc1")
    index.add("future", "2.0", requires_python=">=99")
    index.add("future", "1.0")
    index.add("withdrawn", "1.0")
    index.add("withdrawn", "1.1", yanked="broken")
    index.add("helper", "0.9")
    index.add("needs-old-base", "1.0", ["based<1"])
    index.add("fitting", "2.0", ["based>=2"])
    index.add("fitting", "1.0", ["based>=1", "helper"])
    index.add("fussy", "1.0", ["plain<1.1"])
    index.add("tool", "1.0", files={"tool.py": "def main():\n    print('from the tool')\n"},
              entry_points={"console_scripts": {"the-tool": "tool:main"}})
    index.add("extra", "1.0", ["helper; extra == 'help'"], extras=["help"])
    broken = index.add("cut-short", "1.0")
    content = broken.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    yield index
    index.stop()


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def world(tmp_path, base, index):
    return World(tmp_path, base, index)


# ---- installing


def test_the_variable_and_the_file_are_installed_and_importable(world):
    world.text("# a comment\n\nfitting \\\n  >=1\nplain ; python_version < '3'\n")
    done = world.sync(EXTENSION_AUTO_INSTALL="tool, extra[help]>=1,<2")
    assert world.installed() == ["extra==1.0", "fitting==1.0", "helper==0.9", "tool==1.0"]
    assert "installed extra 1.0, fitting 1.0, helper 0.9, tool 1.0: resolved in " in done.stderr
    assert done.stdout == ""
    assert world.python("import fitting, based; print(fitting.version, based.version)") == "1.0 1.5"
    assert subprocess.run([world.venv / "bin/the-tool"], capture_output=True, text=True, check=True).stdout == "from the tool\n"
    assert world.pip("check").returncode == 0
    assert world.leftovers() == []


def test_a_second_sync_and_boot_have_nothing_to_do(world):
    world.sync(EXTENSION_AUTO_INSTALL="fitting")
    before = len(world.index.requests())
    state = (world.extensions / ".localstack-extensions.state").stat().st_mtime_ns
    assert world.sync(EXTENSION_AUTO_INSTALL="fitting").stderr == ""
    assert world.boot(EXTENSION_AUTO_INSTALL="fitting").stderr == ""
    assert len(world.index.requests()) == before
    assert (world.extensions / ".localstack-extensions.state").stat().st_mtime_ns == state


def test_what_satisfies_stays_and_no_index_is_asked(world):
    world.sync(EXTENSION_AUTO_INSTALL="plain==1.0")
    before = len(world.index.requests())
    world.sync(EXTENSION_AUTO_INSTALL="plain<2")
    assert world.installed() == ["plain==1.0"]
    assert len(world.index.requests()) == before
    world.sync("--upgrade", EXTENSION_AUTO_INSTALL="plain<2")
    assert world.installed() == ["plain==1.1"]


def test_what_is_installed_yields_to_a_new_requirement(world):
    world.sync(EXTENSION_AUTO_INSTALL="plain")
    assert world.installed() == ["plain==1.1"]
    world.sync(EXTENSION_AUTO_INSTALL="plain,fussy")
    assert world.installed() == ["fussy==1.0", "plain==1.0"]


def test_what_nothing_needs_any_more_is_removed(world):
    world.sync(EXTENSION_AUTO_INSTALL="fitting,tool")
    world.sync(EXTENSION_AUTO_INSTALL="plain")
    assert world.installed() == ["plain==1.1"]
    assert not (world.venv / "bin/the-tool").exists()


def test_prereleases_yanked_files_and_requires_python(world):
    world.sync(EXTENSION_AUTO_INSTALL="plain,withdrawn,future")
    assert world.installed() == ["future==1.0", "plain==1.1", "withdrawn==1.0"]
    world.sync(EXTENSION_AUTO_INSTALL="plain>=2.0rc1,withdrawn==1.1,future")
    assert world.installed() == ["future==1.0", "plain==2.0rc1", "withdrawn==1.1"]


def test_direct_reference_to_a_wheel(world, tmp_path):
    wheel = make_wheel(tmp_path / "mine", "mine", "3.0", ["helper"])
    world.sync(EXTENSION_AUTO_INSTALL=f"mine @ {wheel.as_uri()}")
    assert world.installed() == ["helper==0.9", "mine==3.0"]
    origin = json.loads((world.site / "mine-3.0.dist-info/direct_url.json").read_text())
    assert origin["url"] == wheel.as_uri()
    before = len(world.index.requests())
    world.sync("-r", _write(tmp_path / "r.txt", f"{wheel}\n"))
    assert world.installed() == ["helper==0.9", "mine==3.0"]
    assert len(world.index.requests()) == before


def _write(path, content):
    path.write_text(content)
    return path


def test_constraints_pull_nothing_in(world, tmp_path):
    constraint = _write(tmp_path / "c.txt", "plain<1.1\ntool==1.0\n")
    world.text(f"-c {constraint}\nplain\n")
    world.sync()
    assert world.installed() == ["plain==1.0"]


def test_find_links_alone_is_enough(world, tmp_path):
    make_wheel(tmp_path / "links", "linked", "1.0")
    plan = world.plan("--no-index", "--find-links", tmp_path / "links", "linked")
    assert [(i["name"], i["source"]) for i in plan["install"]] == [("linked", "find-links")]
    world.sync("--no-index", "--find-links", tmp_path / "links", "linked")
    assert world.installed() == ["linked==1.0"]


# ---- plan, list, help


def test_plan_is_to_the_letter_and_changes_nothing(world):
    plan = world.plan("fitting", "nothing-of-that-name", status=1)
    assert set(plan) == {"python", "install", "keep", "remove", "base", "failed"}
    assert plan["python"] == ".".join(map(str, sys.version_info[:3]))
    fitting = plan["install"][0]
    digest = fitting.pop("hash")
    assert fitting == {
        "name": "fitting", "version": "1.0", "requested": True, "extras": [], "requires": ["based", "helper"], "source": "index",
        "url": world.index.url.replace("/simple/", "/files/") + "fitting-1.0-py3-none-any.whl", "dev": False, "replaces": None,
    }  # fmt: skip
    assert digest.startswith("sha256:") and len(digest) == 71
    assert [i["name"] for i in plan["install"]] == ["fitting", "helper"]
    assert plan["keep"] == [] and plan["remove"] == []
    assert plan["base"] == [{"name": "based", "version": "1.5", "needed-by": ["fitting"]}]
    (failed,) = plan["failed"]
    assert failed["requirement"] == "nothing-of-that-name" and failed["from"] == "argument"
    assert not world.venv.exists()


def test_plan_of_a_change(world):
    world.sync(EXTENSION_AUTO_INSTALL="plain==1.0,tool")
    plan = world.plan(EXTENSION_AUTO_INSTALL="plain>1.0")
    assert [(i["name"], i["replaces"]) for i in plan["install"]] == [("plain", "1.0")]
    assert plan["remove"] == [{"name": "tool", "version": "1.0"}]
    plan = world.plan(EXTENSION_AUTO_INSTALL="plain")
    assert plan["keep"] == [{"name": "plain", "version": "1.0", "requested": True}]


def test_list(world):
    world.sync(EXTENSION_AUTO_INSTALL="fitting")
    listed = json.loads(world.run("list", "--format", "json").stdout)
    assert [(i["name"], i["version"], i["requested"]) for i in listed] == [("fitting", "1.0", True), ("helper", "0.9", False)]
    assert "fitting       1.0      asked for" in world.run("list").stdout


def test_help_version_and_usage():
    def run(*args):
        return subprocess.run([EXTENSIONS, *args], capture_output=True, text=True, check=False)

    for command in ("sync", "plan", "list", "tree", "why", "help"):
        assert f"\n  {command} " in run("help").stdout
    assert run("--version").stdout.startswith("localstack-extensions ")
    for args in ((), ("frobnicate",), ("plan", "--frobnicate"), ("plan", "--timeout", "soon"), ("plan", "--root")):
        done = run(*args)
        assert done.returncode == 2 and done.stderr.startswith("localstack-extensions: error: "), args


def test_a_file_named_on_the_command_line_has_to_be_there(world, tmp_path):
    done = world.sync("-r", tmp_path / "absent.txt", status=2)
    assert "absent.txt" in done.stderr
    assert not world.venv.exists()


# ---- other people's venvs


def test_what_pip_installed_by_hand_survives(world):
    world.sync(EXTENSION_AUTO_INSTALL="plain")
    assert world.pip("install", "tool").returncode == 0
    world.sync(EXTENSION_AUTO_INSTALL="fitting")
    assert world.installed() == ["fitting==1.0", "helper==0.9", "tool==1.0"]
    assert subprocess.run([world.venv / "bin/the-tool"], capture_output=True, text=True, check=True).stdout == "from the tool\n"


def test_a_venv_of_todays_installer_is_adopted(world):
    subprocess.run([sys.executable, "-m", "venv", world.venv], check=True, env={"PATH": os.environ["PATH"]})
    (world.site / "localstack-venv.pth").write_text(f"{world.root}/opt/code/localstack/.venv/lib/{PYTHON}/site-packages\n")
    assert world.pip("install", "plain==1.0", "tool").returncode == 0
    newer = make_wheel(world.home / "w", "based", "9.0")
    assert world.pip("install", "--no-deps", newer).returncode == 0
    (world.site / "based-9.0.dist-info/REQUESTED").unlink()
    done = world.sync(EXTENSION_AUTO_INSTALL="plain")
    assert "removed based 9.0: LocalStack itself has based 1.5" in done.stderr
    assert {"plain==1.0", "tool==1.0"} <= set(world.installed()) and "based==9.0" not in world.installed()
    assert (world.site / "plain-1.0.dist-info/INSTALLER").read_text() == "localstack-extensions\n"
    assert (world.site / "tool-1.0.dist-info/INSTALLER").read_text() == "pip\n"
    assert world.pip("check").returncode == 0
    world.sync(EXTENSION_AUTO_INSTALL="fitting")
    assert "plain==1.0" not in world.installed() and "tool==1.0" in world.installed()


@pytest.mark.parametrize("damage", ["no pip", "no python", "half made", "another python"])
def test_a_venv_that_cannot_be_used_is_rebuilt(world, damage):
    world.sync(EXTENSION_AUTO_INSTALL="plain")
    world.pip("install", "tool")
    if damage == "no pip":
        (world.venv / "bin/pip").unlink()
    elif damage == "no python":
        (world.venv / "bin/python").unlink()
        os.symlink("/nowhere/python3", world.venv / "bin/python")
    elif damage == "half made":
        (world.venv / "pyvenv.cfg").unlink()
    else:
        (world.venv / "lib" / PYTHON).rename(world.venv / "lib/python3.5")
        cfg = world.venv / "pyvenv.cfg"
        cfg.write_text("".join("version = 3.5.0\n" if x.startswith("version") else x + "\n" for x in cfg.read_text().splitlines()))
    done = world.boot(EXTENSION_AUTO_INSTALL="plain")
    assert done.returncode == 0 and "is made anew" in done.stderr
    assert world.installed() == ["plain==1.1", "tool==1.0"]
    assert world.python("import plain; print(plain.version)") == "1.1"
    assert world.pip("--version").returncode == 0


# ---- bad input: one clear message, the rest is installed, the boot goes on


def bad(world, requirement, *fragments, **env):
    done = world.boot("echo", "booted", EXTENSION_AUTO_INSTALL=f"{requirement},plain", **env)
    assert done.returncode == 0 and done.stdout == "booted\n", done.stderr
    assert "plain==1.1" in world.installed(), done.stderr
    for fragment in fragments:
        assert fragment in done.stderr
    assert world.leftovers() == []
    return done


def test_a_name_that_no_index_has(world):
    bad(world, "nothing-of-that-name", "nothing-of-that-name (EXTENSION_AUTO_INSTALL) is set aside", world.index.url)


def test_a_malformed_requirement(world):
    world.text("plain\ntool >< 1\n")
    done = world.boot("echo", "booted")
    assert done.stdout == "booted\n" and "plain==1.1" in world.installed()
    assert "tool >< 1" in done.stderr and "extensions.txt:2" in done.stderr
    again = world.boot("echo", "booted")
    assert "tool >< 1" in again.stderr and again.stdout == "booted\n"


def test_a_version_that_does_not_exist(world):
    bad(world, "tool==7.7", "tool==7.7 (EXTENSION_AUTO_INSTALL) is set aside", "1.0")


def test_what_the_base_cannot_meet(world):
    bad(world, "needs-old-base", "LocalStack itself has based 1.5")
    world.sync(EXTENSION_AUTO_INSTALL="needs-old-base", EXTENSION_BASE_CONFLICTS="tolerate")
    assert "needs-old-base==1.0" in world.installed()


def test_an_index_that_does_not_answer(world):
    world.sync(EXTENSION_AUTO_INSTALL="plain")
    done = bad(world, "tool", "tool (EXTENSION_AUTO_INSTALL) is set aside", PIP_INDEX_URL=f"http://127.0.0.1:{free_port()}/simple/")
    assert "127.0.0.1" in done.stderr


def test_a_download_that_is_cut_short(world):
    bad(world, "cut-short", "cut-short (EXTENSION_AUTO_INSTALL) is set aside", "cut_short-1.0-py3-none-any.whl")


def test_a_repository_that_is_not_there(world, tmp_path):
    bad(world, f"git+{(tmp_path / 'nowhere').as_uri()}#egg=x", "(EXTENSION_AUTO_INSTALL) is set aside", "nowhere")


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts file systems of its own")


def in_mounts(script):
    # In a chroot, / is no mount point, which unshare's own way to make mounts private does not survive.
    private = "mount --make-rprivate / 2>/dev/null || :\n"
    return ["unshare", "-m", "--propagation", "unchanged", "sh", "-ec", private + script + '\nexec "$@"', "sh"]


@needs_root
def test_a_full_disk(world):
    index = world.index
    if not index.has("huge"):
        index.add("huge", "1.0", files={"huge/__init__.py": "", "huge/data": os.urandom(3 << 20)})
    world.sync(EXTENSION_AUTO_INSTALL="plain")
    keep = world.root / "keep"
    shutil.copytree(world.volume, keep, symlinks=True)
    full = in_mounts(f"mount -t tmpfs -o size=2m none {world.volume}; cp -a {keep}/. {world.volume}")
    script = f'"$@"; {world.venv}/bin/python -c "import plain; print(plain.version)"'
    done = world.boot("sh", "-c", script, "sh", "echo", "booted", prefix=full, EXTENSION_AUTO_INSTALL="plain,huge")
    assert done.stdout == "booted\n1.1\n", done.stderr
    assert "No space left on device" in done.stderr


@needs_root
def test_a_volume_that_cannot_be_written(world):
    world.volume.mkdir(parents=True)
    readonly = in_mounts(f"mount -t tmpfs -o ro none {world.volume}")
    done = world.boot("echo", "booted", prefix=readonly, EXTENSION_AUTO_INSTALL="plain")
    assert done.stdout == "booted\n", done.stderr
    assert "Read-only file system" in done.stderr and "EXTENSION_SYNC=never" in done.stderr
