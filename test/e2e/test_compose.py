# SPDX-License-Identifier: Apache-2.0
"""conf/compose.yaml: what the Compose specification's own schema says of it, and its services run as Docker would, with LocalStack itself in
them."""

import copy
import os
import re
import signal
import socket
import subprocess
import time

import pytest
import yaml

from conftest import REPOSITORY, Workshop
from pods import DOCKER_CAPABILITIES, IMAGE_COMMAND, Node, end, first_process, hook_wheel, switched_on
from servers import BIN, Nginx

FILE = REPOSITORY / "conf/compose.yaml"
SHUTDOWN_S = 5  # LocalStack's SHUTDOWN_TIMEOUT


def interpolate(value, env):
    """${NAME:-DEFAULT}, in all texts of a file."""
    if isinstance(value, dict):
        return {k: interpolate(v, env) for k, v in value.items()}
    if isinstance(value, list):
        return [interpolate(v, env) for v in value]
    if not isinstance(value, str):
        return value
    value = re.sub(r"\$\{(\w+):-([^${}]*)\}", lambda found: env.get(found[1]) or found[2], value)
    assert "$" not in value, value
    return value


def compose(text, **env):
    """The services as `docker compose config` has them, without the ports' and volumes' short forms being taken apart."""
    file = interpolate(yaml.safe_load(text), env)
    for service in file["services"].values():
        if "extends" in service:
            below = copy.deepcopy(file["services"][service.pop("extends")["service"]])
            service["environment"] = {**below["environment"], **service.get("environment", {})}
            service["volumes"] = below["volumes"] + service.get("volumes", [])
            service.update({k: v for k, v in below.items() if k not in service})
        service["environment"] = {k: env.get(k) if v is None else v for k, v in service["environment"].items()}
    return file


def is_valid(path):
    done = subprocess.run([BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", path], capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("on", [False, True], ids=["as it is", "all switched on"])
def test_it_satisfies_the_schema(tmp_path, on):
    file = tmp_path / "compose.yaml"
    file.write_text(switched_on(FILE.read_text()) if on else FILE.read_text())
    valid, said = is_valid(file)
    assert valid, said


def test_the_schema_is_strict(tmp_path):
    file = tmp_path / "compose.yaml"
    file.write_text(FILE.read_text().replace("stop_grace_period:", "stop_grace:"))
    valid, said = is_valid(file)
    assert not valid and "stop_grace" in said


def test_it_opens_localstack_to_this_machine_alone():
    services = compose(FILE.read_text())["services"]
    assert services.keys() == {"localstack", "dev"}
    for service in services.values():
        assert service["ports"] == ["127.0.0.1:4566:4566", "127.0.0.1:4510-4559:4510-4559"]
        assert service["image"] == "localstack-with-extensions"
        assert "healthcheck" not in service  # the image's is the one that fits
        assert int(service["stop_grace_period"].removesuffix("s")) > SHUTDOWN_S
    # Only what is asked for by name has developers' sources, and what starts without a name has no profile.
    assert services["dev"]["profiles"] == ["dev"] and "profiles" not in services["localstack"]
    assert "EXTENSION_DEV_MODE" not in services["localstack"]["environment"]


def test_what_it_mounts_is_there():
    for text in (FILE.read_text(), switched_on(FILE.read_text())):
        file = compose(text)
        for service in file["services"].values():
            for volume in service["volumes"]:
                if isinstance(volume, str):
                    name, target = volume.split(":")
                    assert name in file["volumes"] or name == target == "/var/run/docker.sock"
                else:
                    assert volume["bind"] == {"create_host_path": False} and volume["read_only"] is True
                    assert (FILE.parent / volume["source"]).exists()
            assert set(service.get("secrets", [])) == set(file.get("secrets", {}))


def test_what_is_set_counts():
    services = compose(FILE.read_text(), EXTENSION_AUTO_INSTALL="a,b>=1", LOCALSTACK_AUTH_TOKEN="t", EXTENSION_SOURCE="/src")["services"]
    for service in services.values():
        assert service["environment"]["EXTENSION_AUTO_INSTALL"] == "a,b>=1" and service["environment"]["LOCALSTACK_AUTH_TOKEN"] == "t"
    assert [v["source"] for v in services["dev"]["volumes"] if "bind" in v] == ["./extensions.txt", "/src"]


# ---- its services

class Docker:
    """What an engine does with the file in a folder of a user's, with what he has set."""

    def __init__(self, node, folder, on=False):
        self.node, self.folder, self.on, self.volumes = node, folder, on, {}
        folder.mkdir()
        (folder / "extensions.txt").write_text("")
        (folder / "extensions.yaml").write_text("")

    def mount(self, volume):
        if isinstance(volume, dict):
            source = self.folder / volume["source"]
            assert source.exists()
            return source, volume["target"], volume["read_only"]
        name, target = volume.split(":")
        if name.startswith("/"):
            return None
        if name not in self.volumes:  # a new one is like the image's folder
            self.volumes[name] = self.node.folder / f"volume-{name}"
            self.volumes[name].mkdir()
            self.volumes[name].chmod(0o777)
        return self.volumes[name], target, False

    def run(self, name, **env):
        text = FILE.read_text()
        file = compose(switched_on(text) if self.on else text, **env)
        service = file["services"][name]
        mounts = [m for m in map(self.mount, service["volumes"]) if m]
        for secret in service.get("secrets", []):
            mounts.append((self.folder / file["secrets"][secret]["file"], f"/run/secrets/{secret}", True))
        return self.node.run(IMAGE_COMMAND, {k: v for k, v in service["environment"].items() if v is not None}, uid=0, gid=0,
                             capabilities=DOCKER_CAPABILITIES, no_new_privileges=False, read_only=False, mounts=mounts)

    def stop(self, running):
        before = time.monotonic()
        assert end(running) == 0
        assert time.monotonic() - before < int(compose(FILE.read_text())["services"]["localstack"]["stop_grace_period"].removesuffix("s"))


@pytest.fixture
def node(tmp_path, container_image):
    made = Node(tmp_path / "node", container_image)
    yield made
    made.close()


@pytest.fixture
def workshop(tmp_path):
    made = Workshop(tmp_path / "workshop")
    for name in ("extension-one", "extension-two"):
        made.index.add(hook_wheel(made.folder / "new", name))
    return made


@pytest.mark.once
def test_localstack_with_a_private_index(node, workshop, tmp_path):
    server = node.serve(lambda: Nginx(workshop.index, node.folder / "nginx", password="s3cret"))
    docker = Docker(node, tmp_path / "user", on=True)
    (docker.folder / "extensions.txt").write_text("extension-one\n")
    (docker.folder / "netrc").write_text("machine 127.0.0.1 login user password s3cret\n")
    (docker.folder / "netrc").chmod(0o600)
    set_by_user = {"EXTENSION_AUTO_INSTALL": "extension-two", "PIP_EXTRA_INDEX_URL": server.url}
    running = docker.run("localstack", **set_by_user)
    running.next("^Ready.$")
    assert {"extension-one is loaded", "extension-two is loaded"} <= set(running.said), running.said
    assert node.get("/_localstack/health")[0] == 200
    docker.stop(running)
    # A new container over the same volume, and then one for which a line of the file has gone.
    before = len(server.requests())
    running = docker.run("localstack", **set_by_user)
    running.next("^Ready.$")
    assert {"extension-one is loaded", "extension-two is loaded"} <= set(running.said)
    assert not [line for line in running.said if line.startswith("localstack-e")], running.said
    docker.stop(running)
    assert len(server.requests()) == before
    (docker.folder / "extensions.txt").write_text("")
    running = docker.run("localstack", **set_by_user)
    running.next("localstack-extensions: removed extension-one 1.0: ")
    running.next("^Ready.$")
    assert "extension-one is loaded" not in running.said
    docker.stop(running)


HELLO = """from localstack.runtime import hooks
@hooks.on_infra_start()
def hello():
    print("hello says {}", flush=True)
"""


@pytest.mark.once
def test_a_source_that_is_worked_on(node, tmp_path):
    docker = Docker(node, tmp_path / "user")
    source = tmp_path / "my-extension"
    source.mkdir()
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "my-extension"\nversion = "0.1.0"\n'
        '[project.entry-points."localstack.hooks.on_infra_start"]\nhello = "hello:hello"\n[tool.setuptools]\npy-modules = ["hello"]\n')
    (source / "hello.py").write_text(HELLO.format("old"))
    before = sorted(os.listdir(source))
    running = docker.run("dev", EXTENSION_SOURCE=str(source))
    running.next("^hello says old$")
    running.next("^Ready.$")
    # Of another size: Python takes what it compiled for current where size and second are the same.
    (source / "new.py").write_text(HELLO.format("newer"))
    (source / "new.py").replace(source / "hello.py")
    running.next("^localstack-extensions: /opt/code/extensions/source/hello.py changed; LocalStack restarts$")
    running.next("^hello says newer$")
    running.next("^Ready.$")
    docker.stop(running)
    assert sorted(os.listdir(source)) == before


def test_an_installation_is_ended_at_once(node, workshop, tmp_path):
    """docker compose stop, while an index keeps its answer to itself."""
    docker = Docker(node, tmp_path / "user", on=True)
    (docker.folder / "netrc").write_text("")
    with node.inside():
        silent = socket.create_server(("127.0.0.1", 0))
    with silent:
        running = docker.run("localstack", EXTENSION_AUTO_INSTALL="extension-one",
                             PIP_EXTRA_INDEX_URL=f"http://127.0.0.1:{silent.getsockname()[1]}/simple/")
        silent.settimeout(60)
        with silent.accept()[0]:
            before = time.monotonic()
            os.kill(first_process(running), signal.SIGTERM)
            assert running.process.wait(60) == 128 + signal.SIGTERM
            assert time.monotonic() - before < 5
