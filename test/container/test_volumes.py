# SPDX-License-Identifier: Apache-2.0
"""Several containers on one volume or with one cache, and volumes and root file systems that are not as one would wish."""

import concurrent.futures
import contextlib
import os
import re
import threading

import pytest

from conftest import LOADED, MARKER
from containers import TMPFS, VOLUME, ask, bind, processes
from fault_server import FaultServer
from held_index import Held
from servers import free_port

TYPEDB = "localstack-extension-typedb"
LONG_S = 60


def answers(port):
    with contextlib.suppress(OSError):
        return ask("/_localstack/health", port)[0] == 200
    return False


@contextlib.contextmanager
def answering(port):
    """LocalStack is asked all the while, one question after the other."""
    ended, got = threading.Event(), []

    def ask_on():
        while not ended.is_set():
            got.append(answers(port))
            ended.wait(0.02)

    asking = threading.Thread(target=ask_on)
    asking.start()
    try:
        yield
    finally:
        ended.set()
        asking.join()
    assert len(got) > 5 and all(got), got


def apart(hostname, index, wanted):
    """A container beside others on the tests' network."""
    port = free_port()
    return port, {"hostname": hostname, "env": {"PIP_INDEX_URL": index.url, "DNS_ADDRESS": "0", "GATEWAY_LISTEN": f"127.0.0.1:{port}",
                                                "EXTENSION_AUTO_INSTALL": wanted}}


def test_two_at_a_time_with_other_inputs(start, unchanged, index):
    port_one, options_one = apart("one", index, MARKER)
    port_two, options_two = apart("two", index, f"{MARKER},{TYPEDB}")
    one = start(**options_one)
    one.next(LOADED)
    one.ready()
    assert "warning" not in "\n".join(one.said_by_us())
    run_by_one = processes(one.first)
    with answering(port_one):
        two = start(**options_two)
        two.next(LOADED)
        two.ready()
    [warning] = [line for line in two.said_by_us() if "warning" in line]
    assert warning.startswith("localstack-extensions: warning: container one synced this volume last, and with other inputs "
                              "(EXTENSION_AUTO_INSTALL changed): the extensions become what this one (two) asks for."), warning
    assert answers(port_one) and answers(port_two) and processes(one.first) == run_by_one
    # The last one wins, and both see so.
    assert one.listed() == two.listed() and TYPEDB in one.listed()
    assert f"remove   {TYPEDB} 0.1.2" in one.execute("localstack-extensions", "plan").stdout
    assert "remove" not in two.execute("localstack-extensions", "plan").stdout
    unchanged(**options_two)
    assert answers(port_one) and answers(port_two)
    assert one.stop()[0] == two.stop()[0] == 0


def test_two_at_the_same_moment_on_an_empty_volume(start, unchanged, index, folder):
    with FaultServer() as server:
        held = Held(server, folder / "new")
        held.hold_wheel()
        options = {}
        for name in ("one", "two"):
            _, options[name] = apart(name, index, f"{MARKER},new")
            options[name]["env"]["PIP_EXTRA_INDEX_URL"] = f"{server.url}/simple/"
        there = {name: start(**of) for name, of in options.items()}
        with concurrent.futures.ThreadPoolExecutor() as pool:
            # Nothing is installed before somebody waits.
            lines = {pool.submit(container.next, "waiting for another sync of this volume|: installed "): name
                     for name, container in there.items()}
            done = concurrent.futures.wait(lines, LONG_S, concurrent.futures.FIRST_COMPLETED).done
            waiting = [lines[line] for line in done]
            held.release()
            held.gate.open.set()
        [waits] = waiting
        [installs] = {"one", "two"} - {waits}
        said = {lines[line]: line.result() for line in lines}
        waited = rf"localstack-extensions: waiting for another sync of this volume: container {installs}, process \d+, since .*Z"
        assert re.fullmatch(waited, said[waits]), said
        assert re.search(rf"installed {MARKER} 1\.0\.0, new 1\.0", said[installs]), said
        for container in there.values():
            container.next(LOADED)
            container.ready()
            assert "warning" not in "\n".join(container.said_by_us())
            assert container.listed() == {MARKER: "1.0.0", "new": "1.0"}
        assert "installed" not in "\n".join(there[waits].said_by_us())
        assert all(container.stop()[0] == 0 for container in there.values())
        unchanged(**options[waits])
        unchanged(**options[installs])


def test_images_that_share_a_cache(images, start, unchanged, index, folder):
    """Each has a volume of its own; only the first downloads anything but the pages."""
    cache = folder / "cache"
    cache.mkdir()
    for name in ("editable", "bookworm", "installed"):
        own = folder / name
        own.mkdir()
        options = {"image": images[name], "volume": own, "mounts": [bind(cache, "/cache")],
                   "env": {"EXTENSION_CACHE_DIR": "/cache", "EXTENSION_AUTO_INSTALL": f"{MARKER},{TYPEDB}", "PIP_INDEX_URL": index.url}}
        before = len(index.server.requests())
        container = start(**options)
        container.next(LOADED)
        container.ready()
        downloaded = [request for request in index.server.requests()[before:] if "/files/" in request]
        assert bool(downloaded) == (name == "editable"), downloaded
        assert container.execute("localstack-extensions", "check").stdout.startswith("nothing is wrong with 5 distributions ")
        assert container.stop()[0] == 0
        unchanged(**options)


@pytest.mark.parametrize("options", [
    pytest.param({"read_only": True, "mounts": [TMPFS]}, id="a read-only root"),
    pytest.param({"user": (1000, 1000)}, id="not root"),
    pytest.param({"user": (1000, 1000), "read_only": True, "mounts": [TMPFS], "capabilities": []}, id="all of it"),
    pytest.param({"volume": None}, id="no volume"),
])
def test_what_a_container_may_be_like(start, unchanged, index, volume, options):
    uid = options.get("user", (0, 0))[0]
    os.chown(volume, uid, uid)
    options = {"env": {"PIP_INDEX_URL": index.url, "EXTENSION_AUTO_INSTALL": f"{MARKER},{TYPEDB}"}, **options}
    container = start(**options)
    container.next(LOADED)
    container.ready()
    said = "\n".join(container.said_by_us())
    assert "installed anyio" in said and "warning" not in said and "error" not in said
    assert ask("/_localstack/health")[0] == 200
    assert container.execute("localstack-extensions", "check").stdout.startswith("nothing is wrong with 5 distributions ")
    owners = {path.stat(follow_symlinks=False).st_uid for path in volume.rglob("*")}
    assert owners == (set() if "volume" in options else {uid})
    assert container.stop()[0] == 0
    # Without a volume it is the container itself that is started again.
    unchanged(**options, **({"files": container.files} if "volume" in options else {}))


def test_a_volume_that_is_read_only(start, index, volume):
    """What is there is used, also by LocalStack; what is not there cannot be installed, which is said."""
    env = {"PIP_INDEX_URL": index.url, "EXTENSION_AUTO_INSTALL": MARKER}
    read_only = {"volume": None, "mounts": [bind(volume, VOLUME, "ro")]}
    error = "localstack-extensions: error: the volume cannot be written; mount it writable, or set EXTENSION_SYNC=never "
    status, said = start("true", env=env, **read_only).wait()
    assert status == 0 and "warning: cannot create folder /var/lib/localstack/logs: Read-only file system" in said and error in said, said
    assert start("true", env=env).wait()[0] == 0
    container = start(env=env, network="none", **read_only)
    container.next(LOADED)
    container.ready()
    assert container.said_by_us() == []
    content_of = container.execute("localstack-extensions", "check").stdout
    assert content_of.startswith("nothing is wrong with 1 distribution "), content_of
    assert container.stop()[0] == 0
    more = {**env, "EXTENSION_AUTO_INSTALL": f"{MARKER},{TYPEDB}"}
    status, said = start("echo", "started", env=more, **read_only).wait()
    assert status == 0 and error in said and said.endswith("\nstarted"), said
    status, said = start("echo", "started", env={**more, "EXTENSION_ON_ERROR": "abort"}, **read_only).wait()
    assert status == 3 and error in said and said.endswith("the boot ends here, as EXTENSION_ON_ERROR=abort asks"), said
    assert start("echo", "started", env={**more, "EXTENSION_SYNC": "never"}, **read_only).wait() == (0, "started")
