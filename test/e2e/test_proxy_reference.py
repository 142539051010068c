# SPDX-License-Identifier: Apache-2.0
"""Which proxy a request takes, by all that can say so, compared with the newest pip in the same environment. One server stands for the proxy and
for the index: how it is asked tells which of both it was."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from conftest import BUILD, LONG
from fault_server import Answer, FaultServer, page
from wheels import make_wheel

OUTCOMES = pathlib.Path(__file__).with_name("pip_outcomes.py")
TOOL = BUILD / "tools/index"

# An index that is not asked through the proxy is only there at the address.
ADDRESS, NAMES, IPV6 = "http://127.0.0.1:PORT", ("http://index.invalid", "http://sub.Index.invalid:8080"), "http://[::1]:8080"
EXEMPT = {
    (ADDRESS,): ("", "*", "x,*", ",", "127.0.0.1", "x, 127.0.0.1 ,y", "127.0.0.1:PORT", "127.0.0.0/8", "127.0.0.0/33", "127.0.0.0/0",
                 "10.0.0.0/8", "127.0.0.2/30", "127.0.0.2/32", "127/8", "127.0.0.0/x", "127.0.0.1/8/8", "0.0.1", ".0.0.1", "localhost"),
    NAMES: ("*", " * ", "index.invalid", ".index.invalid", "..index.invalid", "*.index.invalid", "INDEX.invalid", "ndex.invalid",
            "sub.index.invalid", "index.invalid:8080", ".index.invalid:8080", "invalid:8080", "index.invalid:81", "index.invalid/8",
            "http://index.invalid"),
    (IPV6,): ("::1", "[::1]", "::1:8080"),
}


def cases(url):
    """Hosts of an index, and what names proxies and exemptions."""
    for hosts, exempt in EXEMPT.items():
        for one in exempt:
            yield hosts, {"HTTP_PROXY": url, "NO_PROXY": one}
    for env in who_wins(url):
        yield (ADDRESS, NAMES[0]), env


def who_wins(url):
    yield {}
    nowhere = "http://127.0.0.1:1"
    for everybody in ("*", "127.0.0.1,invalid"):
        yield {"PIP_PROXY": url, "NO_PROXY": everybody}
        yield {"PIP_PROXY": url, "no_proxy": everybody, "HTTP_PROXY": nowhere}
        yield {"PIP_PROXY": url.removeprefix("http://"), "no_proxy": everybody}
        yield {"all_proxy": url, "no_proxy": everybody}
    yield {"http_proxy": url, "HTTP_PROXY": nowhere}
    yield {"HTTP_PROXY": nowhere, "http_proxy": ""}
    yield {"HTTP_PROXY": nowhere, "http_proxy": "", "ALL_PROXY": url}
    yield {"HTTP_PROXY": url, "ALL_PROXY": nowhere}
    yield {"HTTPS_PROXY": url}
    yield {"HTTP_PROXY": url, "no_proxy": "other.invalid", "NO_PROXY": "*"}
    yield {"HTTP_PROXY": url, "no_proxy": "", "NO_PROXY": "127.0.0.1,invalid"}


@pytest.fixture
def server(tmp_path):
    wheel = make_wheel(tmp_path / "new", "demo", "1.0")
    entry = {"filename": wheel.name, "url": f"/files/{wheel.name}", "hashes": {}}
    with FaultServer() as server:
        for host in ("", ADDRESS, *NAMES, IPV6):
            host = host.replace("PORT", str(server.port)).lower()
            server.add(f"{host}/simple/demo/", page([entry]))
            server.add(f"{host}/files/{wheel.name}", Answer(body=wheel.read_bytes()))
        yield server


def ways(server):
    """How the server was asked since the last time: by a client of a proxy, or by one of an index."""
    with server.lock:
        asked = {"proxy" if "//" in request.path else "index" for request in server.requests}
        server.requests.clear()
    return asked


@pytest.mark.once
def test_the_proxy_is_the_one_that_pip_takes(server, clean_env):
    every = [(host.replace("PORT", str(server.port)), {k: v.replace("PORT", str(server.port)) for k, v in env.items()})
             for hosts, env in cases(server.url) for host in hosts]
    env = {"PATH": "/usr/bin:/bin", "HOME": clean_env["HOME"], "PIP_CONFIG_FILE": os.devnull, "LANG": "C.UTF-8"}
    pip = subprocess.Popen([sys.executable, OUTCOMES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    wrong, seen = [], []
    for host, more in every:
        name = host.removeprefix("http://").rsplit(":", 1)[0]
        pip.stdin.write(json.dumps([["--index-url", f"{host}/simple/", "--trusted-host", name, "--retries", "0", "demo"], more]) + "\n")
        pip.stdin.flush()
        pip.stdout.readline()
        pips = ways(server)
        ours = list(map(str, ("--retries=0", f"--trusted={name}", f"--index={host}/simple/")))
        # PIP_PROXY is read by the settings, and comes as an argument here.
        own = [f"--proxy={more['PIP_PROXY']}"] if "PIP_PROXY" in more else []
        subprocess.run([TOOL, *own, *ours, "metadata", "demo", "1.0"], env=env | more, capture_output=True, timeout=LONG)
        mine = ways(server)
        seen.append(pips)
        if mine != pips:
            wrong.append((host, more, f"pip: {pips}", f"not {mine}"))
    pip.stdin.close()
    assert pip.wait(LONG) == 0
    pip.stdout.close()
    assert not wrong, "\n".join(map(str, wrong))
    assert {"proxy"} in seen and {"index"} in seen and set() in seen
