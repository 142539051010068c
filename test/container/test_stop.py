# SPDX-License-Identifier: Apache-2.0
"""docker stop, whatever the container is at: it is gone within two seconds, the venv is whole, and the next boot is right. What LocalStack
itself takes for its end, once it runs, is its own affair."""

import io
import json
import tarfile
import threading

import pytest

from conftest import LOADED, MARKER
from containers import bind
from fault_server import Answer, FaultServer
from held_index import Held

AT_ONCE_S = 2
LONG_S = 60
LOCALSTACK_ENDS_S = 15
TERM = 143

# Says that it has been called, and waits for an answer that does not come.
BACKEND = """
import urllib.request
def build_wheel(folder, config_settings=None, metadata_directory=None):
    urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open("{url}/building").read()
    raise SystemExit("nobody was waiting")
"""


def blocking_sdist(url):
    """A source distribution whose build does not end."""
    files = {
        "PKG-INFO": "Metadata-Version: 2.1\nName: slow\nVersion: 1.0\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": BACKEND.format(url=url),
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in files.items():
            item = tarfile.TarInfo(f"slow-1.0/{name}")
            item.size = len(text)
            archive.addfile(item, io.BytesIO(text.encode()))
    return out.getvalue()


@pytest.fixture
def slow(tmp_path):
    """An index that a test holds back."""
    with FaultServer() as server:
        held = Held(server, tmp_path / "new")
        yield held
        held.gate.open.set()


def await_staging(volume):
    """It is there for less than a second, so it is looked for all the time."""
    folder = volume / "lib/extensions"
    for _ in range(LONG_S * 1000):
        if any(folder.glob(".localstack-extensions.staging/*/lib")) or any(folder.glob(".localstack-extensions.staging/lib")):
            return
        threading.Event().wait(0.001)
    raise AssertionError("nothing was staged")


def ends_at_once(container):
    status, seconds = container.stop()
    assert status == TERM, container.wait()
    assert seconds < AT_ONCE_S


def check_the_next_boot(start, names, **options):
    status, said = start("true", **options).wait()
    assert status == 0 and "error" not in said, said
    status, said = start("list", "--format", "json", entrypoint=["localstack-extensions"], network="none").wait()
    assert status == 0 and {d["name"] for d in json.loads(said)} == set(names), said
    check_venv(start)


def check_venv(start, left=None):
    """Nothing is wrong with it; beside it may lie what the next sync removes."""
    status, said = start("check", entrypoint=["localstack-extensions"], network="none").wait()
    if left:
        assert status == 1 and f"{left} was left by a sync that was ended\n1 problem: " in said, said
    else:
        assert status == 0 and said.startswith("nothing is wrong with "), said


@pytest.mark.parametrize("phase", ["resolving", "downloading", "building", "staging"])
@pytest.mark.parametrize("mode", ["exec", "init"])
def test_while_extensions_are_installed(start, index, slow, volume, phase, mode):
    env = {"EXTENSION_AUTO_INSTALL": f"{MARKER},new", "PIP_INDEX_URL": index.url, "PIP_EXTRA_INDEX_URL": f"{slow.server.url}/simple/",
           "ENTRYPOINT_MODE": mode}
    before = start("true", env={**env, "EXTENSION_AUTO_INSTALL": MARKER})
    assert before.wait()[0] == 0
    if phase == "resolving":
        slow.hold_page()
    elif phase == "downloading":
        slow.hold_wheel()
    elif phase == "building":
        called = threading.Event()

        def held(_request):
            called.set()
            return Answer(wait=slow.gate.open)

        slow.server.add("/files/slow-1.0.tar.gz", Answer(body=blocking_sdist(slow.server.url)))
        slow.server.add("/building", held)
        env["EXTENSION_AUTO_INSTALL"] = f"{MARKER},{slow.server.url}/files/slow-1.0.tar.gz"
    else:
        index.add("many", "1.0", files={f"many/m{number}.py": f"{number}\n" for number in range(20_000)})
        env["EXTENSION_AUTO_INSTALL"] = f"{MARKER},many"
    stopped = start(env=env)
    if phase == "resolving":
        assert slow.asked.wait(LONG_S)
    elif phase == "downloading":
        assert slow.gate.half.wait(LONG_S)
    elif phase == "building":
        assert called.wait(LONG_S)
    else:
        await_staging(volume)
    ends_at_once(stopped)
    assert not any("installed " in line for line in stopped.said)

    # What was there is there, as a whole; and the next boot goes on from it.
    check_venv(start, left=".localstack-extensions.staging" if phase == "staging" else None)
    slow.release()
    wanted = {"resolving": "new", "downloading": "new", "building": "new", "staging": "many"}[phase]
    env["EXTENSION_AUTO_INSTALL"] = f"{MARKER},{wanted}"
    check_the_next_boot(start, {MARKER, wanted}, env=env)


@pytest.mark.parametrize("mode", ["exec", "supervise"])
@pytest.mark.parametrize("phase", ["BOOT hooks", "LocalStack starting", "ready"])
def test_while_localstack_starts_or_runs(start, index, folder, phase, mode):
    env = {"EXTENSION_AUTO_INSTALL": MARKER, "PIP_INDEX_URL": index.url, "ENTRYPOINT_MODE": mode}
    hooks = folder / "boot.d"
    hooks.mkdir()
    options = {"env": env}
    if phase == "BOOT hooks":
        hook = hooks / "10.sh"
        hook.write_text("#!/bin/sh\necho in the hook >/proc/1/fd/1\nexec tail -f /dev/null\n")
        hook.chmod(0o755)
        options["mounts"] = [bind(hooks, "/etc/localstack/init/boot.d", "ro")]
    stopped = start(**options)
    if phase == "BOOT hooks":
        stopped.next("^in the hook$")
        ends_at_once(stopped)
    else:
        stopped.next("^LocalStack version: " if phase == "LocalStack starting" else r"^Ready\.$")
        status, seconds = stopped.stop()
        assert status == 0, stopped.wait()
        assert seconds < LOCALSTACK_ENDS_S
    again = start(env=env, network="none")
    again.next(LOADED)
    again.ready()
    assert again.execute("localstack-extensions", "check").stdout.startswith("nothing is wrong with ")
    assert again.stop()[0] == 0
