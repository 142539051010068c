# SPDX-License-Identifier: Apache-2.0
"""What LocalStack promises of its container, with our programs in it: health, restart, hooks, where it listens and what it calls itself."""

import json
import os
import socket
import urllib.error

import pytest

from conftest import LOADED, MARKER
from containers import TMPFS, ask, bind, processes

MODES = pytest.mark.parametrize("mode", ["exec", "init", "supervise"])

# As terraform-init's: an extension that knows how to run the files of its kind.
RUNNER = """
from localstack.runtime.init import ScriptRunner

class Runner(ScriptRunner):
    name = "said"

    def should_run(self, script_file):
        return script_file.endswith(".said")

    def run(self, path):
        print("the extension runs", path, flush=True)
"""


@pytest.fixture
def env(index):
    index.add("hooked", "1.0", files={"hooked.py": RUNNER}, entry_points={"localstack.init.runner": {"said": "hooked:Runner"}})
    return {"EXTENSION_AUTO_INSTALL": f"{MARKER},hooked", "PIP_INDEX_URL": index.url}


@pytest.fixture
def hooks(folder):
    """A script in each folder of hooks, that says so; and in boot.d a file that only an extension can run."""
    top = folder / "init"
    for stage in ("boot", "start", "ready", "shutdown"):
        script = top / f"{stage}.d/10-say.sh"
        script.parent.mkdir(parents=True)
        script.write_text(f"#!/bin/sh\necho '{stage} hook' >/proc/1/fd/1\n")
        script.chmod(0o755)
    (top / "boot.d/20-extension.said").touch()
    return [bind(top, "/etc/localstack/init", "ro")]


def ready_with_hook(container):
    """In whichever order."""
    assert {container.next(r"^(Ready\.|ready hook)$"), container.next(r"^(Ready\.|ready hook)$")} == {"Ready.", "ready hook"}


@MODES
def test_restart_by_the_endpoint_with_hooks(start, env, hooks, mode):
    container = start(env={**env, "ENTRYPOINT_MODE": mode}, mounts=hooks)
    container.next("^boot hook$")
    container.next("^the extension runs /etc/localstack/init/boot.d/20-extension.said$")
    container.next("^start hook$")
    container.next(LOADED)
    ready_with_hook(container)
    version = json.loads(ask("/_localstack/health")[1])["version"]
    first = container.first
    assert ask("/_localstack/health", method="POST", data=b'{"action": "restart"}')[0] == 200
    container.next("^shutdown hook$")
    ready_with_hook(container)
    assert container.first == first and len(processes(first)) == (2 if mode == "init" else 1)
    assert json.loads(ask("/_localstack/health")[1])["version"] == version
    assert container.stop()[0] == 0
    _, said = container.wait()
    lines = said.splitlines()
    assert {name: lines.count(name) for name in ("Ready.", "boot hook", "start hook", "ready hook", "shutdown hook")} == {
        "Ready.": 2, "boot hook": 1, "start hook": 2, "ready hook": 2, "shutdown hook": 2}
    assert sum(LOADED in line for line in lines) == 2


@pytest.mark.parametrize("options", [
    # No network, no name server.
    pytest.param({"network": "none"}, id="root"),
    pytest.param({"network": "none", "env": {"GATEWAY_LISTEN": "0.0.0.0:4570"}}, id="another port"),
    pytest.param({"env": {"LOCALSTACK_GATEWAY_LISTEN": "127.0.0.1:4570", "GATEWAY_LISTEN": "127.0.0.1:4580", "LOCALSTACK_HOST": "stack.example:1"}},
                 id="the prefix"),
    pytest.param({"user": (1000, 1000), "read_only": True, "mounts": [TMPFS], "capabilities": []}, id="a user"),
    pytest.param({"user": (1000, 1000), "read_only": True, "mounts": [TMPFS], "volume": None}, id="a user without a volume"),
])
def test_the_health_check(start, image, volume, options):
    """Unhealthy while LocalStack is not there, healthy once it is; and no engine gives up on a first start before we do."""
    check = image.config["Healthcheck"]
    kind, command = check["Test"]
    assert kind == "CMD-SHELL" and check["StartPeriod"] / 1e9 >= 300 + 30
    os.chown(volume, *options.get("user", (0, 0)))
    container = start("sh", "-c", "echo up; exec tail -f /dev/null", **options)
    container.next("^up$")
    assert container.execute("sh", "-c", command, check=False).returncode != 0
    container.remove()
    container = start(**options)
    container.ready()
    assert '"s3": "available"' in container.execute("sh", "-c", command).stdout
    assert container.stop()[0] == 0


@MODES
def test_killed_by_the_endpoint(start, mode):
    container = start(env={"ENTRYPOINT_MODE": mode})
    container.ready()
    assert ask("/_localstack/health", method="POST", data=b'{"action": "kill"}')[0] == 200
    assert container.wait()[0] == 0


def test_where_it_listens_and_what_it_calls_itself(start):
    """LOCALSTACK_GATEWAY_LISTEN is GATEWAY_LISTEN as well; LOCALSTACK_HOST is no HOST."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    container = start(env={"LOCALSTACK_GATEWAY_LISTEN": f"127.0.0.1:{port}", "LOCALSTACK_HOST": f"stack.example:{port}"})
    container.ready()
    assert ask("/_localstack/health", port)[0] == 200
    with pytest.raises(urllib.error.URLError):
        ask("/_localstack/health")
    # The URL of a queue has the host's name.
    _, answer = ask("/?Action=CreateQueue&QueueName=q&Version=2012-11-05", port, headers={"Authorization": (
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=x")})
    assert f"stack.example:{port}/000000000000/q".encode() in answer
    variables = container.execute("cat", "/proc/1/environ").stdout.split("\0")
    assert f"LOCALSTACK_HOST=stack.example:{port}" in variables and not [v for v in variables if v.startswith("HOST=")]
    assert container.stop()[0] == 0


def test_a_hook_that_fails_and_a_command(start, folder):
    """A script that fails is LocalStack's affair, and does not end the boot; `docker run IMAGE bash -c …` does what it says."""
    script = folder / "init/boot.d/10-fail.sh"
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\nexit 7\n")
    script.chmod(0o755)
    container = start("bash", "-c", "echo $VIRTUAL_ENV $PWD; exit 9", mounts=[bind(folder / "init", "/etc/localstack/init", "ro")])
    status, said = container.wait()
    assert status == 9 and "/opt/code/localstack/.venv /opt/code/localstack" in said.splitlines()
    # What a host's tools put before LocalStack ends by calling this.
    status, said = start("bash", "-c", "echo $VIRTUAL_ENV; exit 9", entrypoint=["/usr/local/bin/docker-entrypoint.sh"]).wait()
    assert status == 9 and "/opt/code/localstack/.venv" in said.splitlines()
