# SPDX-License-Identifier: Apache-2.0
"""Wheels out of sources by the base's pip: test/tools/build.c drives lib/build."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import textwrap
import zipfile

import pytest

from checks import tree
from conftest import BUILD, LONG
from real_index import real_index
from test_restriction import landlock

WITHOUT = pathlib.Path(__file__).with_name("without_syscall.py")

# A build back end in the project's own tree, so that nothing has to be had from an index. DEED is what a test wants done.
BACKEND = """
import json, os, signal, socket, sys, time, zipfile
NAME, VERSION = {name!r}, "1.0"
def deed(config):
    pass
def metadata(folder):
    info = os.path.join(folder, f"{{NAME}}-{{VERSION}}.dist-info")
    os.mkdir(info)
    with open(os.path.join(info, "METADATA"), "w") as f:
        f.write(f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n")
    with open(os.path.join(info, "WHEEL"), "w") as f:
        f.write("Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    with open(os.path.join(info, "RECORD"), "w") as f:
        f.write("")
    return info
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    return os.path.basename(metadata(folder))
def build_wheel(folder, config_settings=None, metadata_directory=None):
    said = deed(config_settings)
    file = f"{{NAME}}-{{VERSION}}-py3-none-any.whl"
    scratch = os.path.join(os.environ["TMPDIR"], "scratch")
    os.mkdir(scratch)
    info = metadata(scratch)
    with zipfile.ZipFile(os.path.join(folder, file), "w") as z:
        for n in os.listdir(info):
            z.write(os.path.join(info, n), f"{{os.path.basename(info)}}/{{n}}")
        z.writestr("said.json", json.dumps(said))
    return file
{deed}
"""


def make_project(folder, name, deed="", requires=()):
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        f'[build-system]\nrequires = {json.dumps(list(requires))}\nbuild-backend = "backend"\nbackend-path = ["."]\n')
    (folder / "backend.py").write_text(BACKEND.format(name=name, deed=textwrap.dedent(deed)))
    return folder


class Bench:
    """Runs the tool; wheels are looked at while it holds them."""

    def __init__(self, base, tmp_path, env):
        self.base, self.tmp, self.env = base, tmp_path, dict(env)
        self.work, self.log = tmp_path / "work", tmp_path / "log"
        self.more = {}

    def project(self, name, deed="", requires=()):
        return make_project(self.tmp / "projects" / name, name, deed, requires)

    def start(self, builds, wrap=(), env=None, **more):
        hold = self.tmp / "hold"
        if not hold.exists():
            os.mkfifo(hold)
        said = {"base": str(self.base), "work": str(self.work), "log": str(self.log), "hold": str(hold), "timeout_ms": LONG * 1000,
                **self.more, **more, "builds": [{k: str(v) if isinstance(v, os.PathLike) else v for k, v in b.items()} for b in builds]}
        tool = subprocess.Popen([*map(str, wrap), BUILD / "tools/build", "-v"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=open(self.tmp / "stderr", "w"), text=True, env={**self.env, **(env or {})})
        tool.stdin.write(json.dumps(said))
        tool.stdin.close()
        return tool

    def run(self, *builds, look=lambda results: None, **more):
        """What became of each, and what look(results) finds while the wheels are there."""
        tool = self.start(builds, **more)
        text = tool.stdout.readline()
        if not text:
            raise AssertionError((tool.wait(LONG), (self.tmp / "stderr").read_text()))
        results = json.loads(text)
        for result in results:
            if result["wheel"]:
                with zipfile.ZipFile(result["wheel"]) as z:
                    result["names"] = z.namelist()
                    result["said"] = json.loads(z.read("said.json")) if "said.json" in z.namelist() else None
        look(results)
        with open(self.tmp / "hold", "w"):
            pass
        assert tool.wait(LONG) == 0
        assert list(self.work.iterdir()) == []
        return results

    def one(self, build, **more):
        return self.run(build, **more)[0]


@pytest.fixture
def bench(tmp_path, small_base, clean_env):
    return Bench(small_base, tmp_path, clean_env)


@pytest.fixture(scope="session")
def backends(tmp_path_factory):
    """Wheels of the build back ends, from the real index, once."""
    folder = tmp_path_factory.mktemp("backends")
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--only-binary", ":all:", "-d", folder, "setuptools", "wheel",
                    "hatchling", "flit-core", "poetry-core", "pdm-backend"], check=True, env=os.environ | real_index(), timeout=600)
    return folder


# ---- what is built

PROJECT = '[project]\nname = "{name}"\nversion = "1.0"\n'
SYSTEM = '[build-system]\nrequires = ["{requires}"]\nbuild-backend = "{backend}"\n'
KINDS = {
    "old-setup": {"setup.py": 'from setuptools import setup\nsetup(name="old-setup", version="1.0", packages=["old_setup"])\n'},
    "cfg": {"setup.cfg": "[metadata]\nname = cfg\nversion = 1.0\n[options]\npackages = cfg\n", "setup.py": "import setuptools; setuptools.setup()\n"},
    "toml": {"pyproject.toml": SYSTEM.format(requires="setuptools>=61", backend="setuptools.build_meta") + PROJECT.format(name="toml")},
    "hatch": {"pyproject.toml": SYSTEM.format(requires="hatchling", backend="hatchling.build") + PROJECT.format(name="hatch")},
    "flit": {"pyproject.toml": SYSTEM.format(requires="flit_core>=3.2", backend="flit_core.buildapi") + PROJECT.format(name="flit") + 'description = "x"\n'},
    "poem": {"pyproject.toml": SYSTEM.format(requires="poetry-core", backend="poetry.core.masonry.api")
             + '[tool.poetry]\nname = "poem"\nversion = "1.0"\ndescription = ""\nauthors = []\n'},
    "pdm": {"pyproject.toml": SYSTEM.format(requires="pdm-backend", backend="pdm.backend") + PROJECT.format(name="pdm")},
}


def test_each_build_back_end(bench, backends):
    projects = bench.tmp / "projects"
    for name, files in KINDS.items():
        package = projects / name / name.replace("-", "_")
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        for file, text in files.items():
            (projects / name / file).write_text(text)
    before = tree(projects), tree(bench.base)
    results = bench.run(*[{"name": name, "source": projects / name} for name in KINDS], find_links=[str(backends)], offline=True)
    for name, result in zip(KINDS, results):
        module = name.replace("-", "_")
        assert result["wheel"], result["error"]
        file = os.path.basename(result["wheel"])
        assert file.startswith(f"{module}-1.0-") and file.endswith("py3-none-any.whl"), file
        assert {f"{module}/__init__.py", f"{module}-1.0.dist-info/METADATA"} <= set(result["names"])
    assert (tree(projects), tree(bench.base)) == before
    assert not bench.log.exists()


def test_a_c_extension_and_the_lack_of_a_compiler(bench, backends):
    project = bench.tmp / "native"
    project.mkdir()
    (project / "setup.py").write_text("from setuptools import setup, Extension\n"
                                      "setup(name='native', version='1.0', ext_modules=[Extension('native', ['native.c'])])\n")
    (project / "native.c").write_text("int PyInit_native; /* as much as a compiler wants to see */\n")
    offline = {"find_links": [str(backends)], "offline": True}
    built = bench.one({"name": "native", "source": project}, **offline)
    assert built["wheel"], built["error"]
    assert [n for n in built["names"] if n.startswith("native.cpython-") and n.endswith(".so")]

    lacking = bench.one({"name": "native", "source": project}, env={"PATH": str(bench.tmp / "nowhere")}, **offline)
    assert lacking["kind"] == "input"
    first = lacking["error"].splitlines()[0]
    assert first.startswith("native cannot be built from source: it needs a C compiler (") and first.endswith(", which this image does not have")


def test_archives_subdirectories_and_file_names(bench):
    bench.project("inner")
    outer = bench.tmp / "outer"
    shutil.copytree(bench.tmp / "projects/inner", outer / "deep down/inner")
    archive = bench.tmp / "a-digest"
    with tarfile.open(archive, "w:gz") as t:
        t.add(outer, "outer-1.0")
    results = bench.run({"name": "Inner", "source": outer, "subdirectory": "deep down/inner"},
                        {"name": None, "source": archive, "file_name": "outer-1.0.tar.gz", "subdirectory": "deep down/inner"},
                        {"name": "inner", "source": outer, "subdirectory": "deep down/../../.."},
                        {"name": "inner", "source": outer, "subdirectory": "none"},
                        {"name": "inner", "source": outer})
    assert [bool(r["wheel"]) for r in results] == [True, True, False, False, False], results
    assert results[2]["error"] == "inner cannot be built from source: the subdirectory deep down/../../.. leaves its source"
    assert results[3]["error"] == f"inner cannot be built from source: {outer} has no folder none"
    assert "Neither 'setup.py' nor 'pyproject.toml' found" in results[4]["error"].splitlines()[0]


def test_what_an_earlier_build_left_is_not_packed(bench, backends):
    project = bench.tmp / "stale"
    for path in ("stale/__init__.py", "stale/node_modules/x.py", "build/lib/stale/old.py", "env/pyvenv.cfg", "env/big"):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text("")
    (project / "setup.py").write_text("import os, setuptools\nassert not os.path.exists('env') and not os.path.exists('stale/node_modules')\n"
                                      "setuptools.setup(name='stale', version='1.0', packages=['stale'])\n")
    built = bench.one({"name": "stale", "source": project}, find_links=[str(backends)], offline=True)
    assert built["wheel"], built["error"]
    assert [n for n in built["names"] if n.endswith(".py")] == ["stale/__init__.py"]


def test_settings_of_the_build_and_its_environment(bench):
    project = bench.project("seen", "def deed(config):\n    return {'config': config, 'env': dict(os.environ)}\n")
    (pathlib.Path(bench.env["HOME"]) / ".netrc").write_text("")
    constraints = bench.tmp / "constraints of builds.txt"
    constraints.write_text("setuptools<1\n")
    seen = bench.one({"name": "seen", "source": project, "config_settings": ["--a=b=c", "k=v w"]}, offline=True, constraints=[str(constraints)],
                     retries=3, env={"PIP_TARGET": "/x", "PIP_INDEX_URL": "http://u:secret@h/", "PYTHONPATH": "/y", "VIRTUAL_ENV": "/z",
                                     "EXTENSION_AUTO_INSTALL": "p", "LOCALSTACK_AUTH_TOKEN": "t", "AUTH_TOKEN": "t", "CFLAGS": "-O1"})["said"]
    env, home = seen["env"], pathlib.Path(seen["env"]["HOME"])
    assert seen["config"] == {"--a": "b=c", "k": "v w"}
    assert home.is_relative_to(bench.work) and home.parent == pathlib.Path(env["TMPDIR"]).parent
    assert env["NETRC"] == bench.env["HOME"] + "/.netrc" and env["CFLAGS"] == "-O1" and env["PATH"].endswith(bench.env["PATH"])
    assert not {"PIP_TARGET", "PIP_INDEX_URL", "VIRTUAL_ENV", "EXTENSION_AUTO_INSTALL", "LOCALSTACK_AUTH_TOKEN", "AUTH_TOKEN"} & set(env)
    assert "/y" not in env.get("PYTHONPATH", "") and "secret" not in str(env)
    assert env["PIP_CONFIG_FILE"] == "/dev/null" and env["PIP_NO_INDEX"] == "1" and env["PIP_RETRIES"] == "3"
    assert env["PIP_CONSTRAINT"] == constraints.as_uri()


def test_without_isolation(bench):
    site = bench.tmp / "site"
    site.mkdir()
    (site / "helper.py").write_text("word = 'found'\n")
    project = bench.project("bare", "def deed(config):\n    import helper, werkzeug_absent_or_not as w\n", ["not-on-any-index"])
    (site / "werkzeug_absent_or_not.py").write_text("")
    bare = {"name": "bare", "source": project, "no_isolation": True}
    assert bench.one(bare, site_packages=str(site))["wheel"]
    assert "ModuleNotFoundError: No module named 'helper'" in bench.one(bare)["error"].splitlines()[0]


def test_a_base_without_pip(bench):
    bench.base = bench.tmp / "base"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bench.base], check=True, timeout=LONG)
    before = tree(bench.base)
    built = bench.run(*[{"name": n, "source": bench.project(n)} for n in ("one", "two")])
    assert all(b["wheel"] for b in built), built
    assert tree(bench.base) == before


# ---- what fails

def test_failures_say_what_and_for_whom(bench):
    deeds = {
        "raises": "def deed(config):\n    print('before'); raise RuntimeError('boom')\n",
        "killed": "def deed(config):\n    os.kill(os.getpid(), signal.SIGKILL)\n",
        "renamed": "NAME = 'someone_else'\n",
        "empty": "def build_wheel(folder, config_settings=None, metadata_directory=None):\n    return 'empty-1.0-py3-none-any.whl'\n",
    }
    results = dict(zip(deeds, bench.run(*[{"name": n, "source": bench.project(n, deed)} for n, deed in deeds.items()])))
    first = {name: r["error"].splitlines()[0] for name, r in results.items()}
    assert {r["kind"] for r in results.values()} == {"input"}
    assert first["raises"] == "raises cannot be built from source: Building wheel for raises failed: RuntimeError: boom"
    lines = results["raises"]["error"].splitlines()
    assert "RuntimeError: boom" in lines[1:] and "before" in (bench.log / "raises-build.log").read_text()
    assert lines[-1] == f"The whole output of the build is in {bench.log}/raises-build.log"
    assert first["killed"] == ("killed cannot be built from source: Building wheel for killed was ended by signal 9 (Killed), which mostly "
                               "means that the container has too little memory")
    assert first["renamed"] == ("renamed cannot be built from source: its source is another distribution's: the build made "
                                "someone_else-1.0-py3-none-any.whl")
    assert first["empty"].startswith("empty cannot be built from source: ")
    assert sorted(p.name for p in bench.log.iterdir()) == [f"{n}-build.log" for n in sorted(deeds)]


@pytest.mark.parametrize("newest", [False, True])
def test_what_builds_it_cannot_be_had(bench, newest):
    """By the pip of the interpreter, and by the newest one."""
    if newest:
        bench.base = pathlib.Path(sys.prefix)
    project = bench.project("needy", requires=["hatchling>=1"])
    offline = bench.one({"name": "needy", "source": project}, offline=True)
    assert offline["kind"] == "unavailable"
    assert offline["error"].splitlines()[0] == ("needy cannot be built from source: hatchling>=1, which builds it, cannot be had: no index "
                                                "may be asked, and what is here has none that fits")
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://user:s%65cretword@127.0.0.1:{nobody.getsockname()[1]}/simple"
    unreachable = bench.one({"name": "needy", "source": project}, index=[url, url + "2"], retries=1)
    assert unreachable["kind"] == "unavailable"
    assert unreachable["error"].splitlines()[0] == ("needy cannot be built from source: hatchling>=1, which builds it, cannot be had: the "
                                                    "index does not answer")
    written = unreachable["error"] + (bench.log / "needy-build.log").read_text() + (bench.tmp / "stderr").read_text()
    assert "cretword" not in written and "127.0.0.1" in written


def test_an_index_that_lacks_it_and_no_secret_in_a_log(bench, workshop):
    workshop.add("other", "1")
    server = workshop.serve()
    url = server.url.replace("://", "://me:s%65cretword@")
    deed = "def deed(config):\n    print(os.environ); print('secretword'); raise RuntimeError('s' + 'ecret' + 'word')\n"
    results = bench.run({"name": "needy", "source": bench.project("needy", requires=["hatchling>=1"])},
                        {"name": "teller", "source": bench.project("teller", deed)}, index=[url])
    assert results[0]["kind"] == "input"
    assert results[0]["error"].splitlines()[0] == ("needy cannot be built from source: no index has hatchling>=1, which builds it, in a "
                                                   "version that fits")
    written = results[1]["error"] + (bench.log / "teller-build.log").read_text()
    assert "RuntimeError: ****" in written and "PIP_INDEX_URL" in written and "cretword" not in written


def test_much_output_keeps_its_ends(bench):
    deed = "def deed(config):\n    print('the beginning')\n    for i in range(100): print('x' * 1_000_000)\n    raise RuntimeError('the end')\n"
    loud = bench.one({"name": "loud", "source": bench.project("loud", deed)})
    assert len(loud["error"]) < 5000 and loud["error"].splitlines()[0].endswith("RuntimeError: the end")
    log = (bench.log / "loud-build.log").read_text()
    assert len(log) < 9 << 20 and "the beginning" in log and "RuntimeError: the end" in log and " left out here]" in log


# ---- where it ends

LINGERS = """
def deed(config):
    port = {port}
    peer = socket.create_connection(("127.0.0.1", port))
    os.set_inheritable(peer.fileno(), True)
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for fd in (1, 2):  # or pip would wait for the end of its output
            os.dup2(os.open(os.devnull, os.O_WRONLY), fd)
        if os.fork() == 0:
            time.sleep(1000)
        time.sleep(1000)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("it lingers", flush=True)
    peer.sendall(b"x")
    time.sleep({seconds})
"""


class Watched:
    """A build that connects; the end of the connection is the end of all who have it."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.server.settimeout(LONG)

    def accept(self):
        peer = self.server.accept()[0]
        peer.settimeout(LONG)
        assert peer.recv(1) == b"x"
        return peer


@pytest.fixture
def watched():
    w = Watched()
    with w.server:
        yield w


def test_a_daemon_ends_with_the_build(bench, watched):
    project = bench.project("haunted", LINGERS.format(port=watched.port, seconds=0))
    built = bench.one({"name": "haunted", "source": project})
    assert built["wheel"], built["error"]
    assert watched.accept().recv(1) == b""


def test_a_time_limit(bench, watched):
    project = bench.project("slow", LINGERS.format(port=watched.port, seconds=1000))
    late = bench.one({"name": "slow", "source": project}, timeout_ms=6000)
    assert late["kind"] == "input"
    assert late["error"].splitlines()[0] == "slow cannot be built from source: Building wheel for slow took longer than 6 s"
    assert "  it lingers\n" in (bench.log / "slow-build.log").read_text()
    assert watched.accept().recv(1) == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_builds_die_with_us_and_the_next_run_sweeps(bench, watched, number):
    project = bench.project("slow", LINGERS.format(port=watched.port, seconds=1000))
    tool = bench.start([{"name": "slow", "source": project}])
    peer = watched.accept()
    tool.send_signal(number)
    assert tool.wait(LONG) == -number
    assert peer.recv(1) == b""
    assert len(list(bench.work.iterdir())) == 1
    bench.one({"name": "next", "source": bench.project("next")})  # which looks that nothing is left


def test_builds_run_side_by_side(bench, watched):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one CPU")
    deed = """
    def deed(config):
        peer = socket.create_connection(("127.0.0.1", {port}))
        peer.sendall(b"x")
        assert peer.recv(1) == b"y"
    """.format(port=watched.port)
    tool = bench.start([{"name": n, "source": bench.project(n, deed)} for n in ("one", "two")])
    peers = [watched.accept(), watched.accept()]
    for peer in peers:
        peer.sendall(b"y")
    with open(bench.tmp / "hold", "w"):
        pass
    assert all(r["wheel"] for r in json.loads(tool.stdout.read()))
    assert tool.wait(LONG) == 0


# ---- what it can write to

HARM = """
def deed(config):
    done = []
    for folder in {folders!r}:
        for way in ("append", "create", "unlink"):
            try:
                path = os.path.join(folder, "file" if way != "create" else "new")
                if way == "unlink": os.unlink(path)
                else: open(path, "a" if way == "append" else "x").write("more")
                done.append((folder, way))
            except OSError as e:
                pass
    try:
        os.kill(int(open("/proc/%d/stat" % os.getppid()).read().split()[3]), 0)
        done.append("signal")
    except OSError:
        pass
    for own in ("TMPDIR", "HOME"):
        open(os.path.join(os.environ[own], "x"), "x").close()
    return done
"""


def trapped(bench, names):
    folders = []
    for name in names:
        folder = bench.tmp / name
        folder.mkdir(parents=True)
        (folder / "file").write_text("contents")
        folders.append(folder)
    source = bench.project("harm", HARM.format(folders=[str(f) for f in folders] + [str(bench.tmp / "projects/harm")]))
    (source / "file").write_text("contents")
    return [*folders, source]


@landlock
def test_a_build_writes_nowhere_but_in_its_folder(bench):
    folders = trapped(bench, ["venv", "home/own", "log", "work-of-another"])
    base, before = tree(bench.base), [tree(f) for f in folders]
    built = bench.one({"name": "harm", "source": folders[-1]})
    assert built["wheel"], built["error"]
    assert [deed for deed in built["said"] if deed != "signal"] == []  # older kernels cannot tell signals
    assert [tree(f) for f in folders] == before and tree(bench.base) == base


def test_without_landlock_it_builds_all_the_same(bench):
    folders = trapped(bench, ["venv"])
    base = tree(bench.base)
    built = bench.one({"name": "harm", "source": folders[-1]}, wrap=[sys.executable, "-S", WITHOUT, 444, "ENOSYS"])
    assert built["wheel"], built["error"]
    assert [str(folders[0]), "create"] in built["said"]
    assert "this kernel offers no restriction of writes" in (bench.tmp / "stderr").read_text()
    assert tree(bench.base) == base


# ---- the real ones

@pytest.mark.once
def test_real_sources_from_the_index(bench, real_index_env):
    sources = bench.tmp / "sources"
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", sources, "flasgger", "localstripe"], check=True,
                   env=real_index_env, timeout=600)
    named = real_index_env.get("PIP_INDEX_URL")
    bench.env.update({k: v for k, v in real_index_env.items() if k.lower().endswith("_proxy")})
    results = bench.run(*[{"name": p.name.split("-")[0], "source": p} for p in sorted(sources.iterdir())],
                        index=[named] if named else True, cert=real_index_env.get("PIP_CERT"))
    assert len(results) == 2
    for result in results:
        assert result["wheel"], result["error"]
        assert any(n.endswith("/__init__.py") for n in result["names"])
