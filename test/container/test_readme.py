# SPDX-License-Identifier: Apache-2.0
"""What the README tells users of the image to write is done as it stands there. Its example hosts are servers of the test's own, by names
that the container's /etc/hosts knows."""

import os
import pathlib
import subprocess

import pytest

from containers import ask, bind, run
from docker_run import commands, execute_as_written, start_as_written
from reloading import PLUGIN
from servers import Authority, Nginx, StaticIndex, Tinyproxy
from wheels import make_wheel

HOSTS = "127.0.0.1 localhost index.example proxy.example pypi.example\n"


@pytest.fixture
def hosts(folder):
    """For the containers; and for a proxy, which is started here."""
    path = folder / "hosts"
    path.write_text(HOSTS)
    run("mount", "--bind", path, "/etc/hosts")
    yield bind(path, "/etc/hosts", "ro")
    run("umount", "/etc/hosts")


@pytest.fixture
def public(index, hosts):
    """In place of the public index: what an image's pip would ask."""
    return {"env": {"PIP_INDEX_URL": index.url}, "mounts": [hosts]}


def test_the_image(start, public, folder):
    named, in_a_file, *looks, doctor, user = commands("## The image")[:7]
    first = start_as_written(start, named, folder, **public)
    first.ready()
    assert ask("/_localstack/health")[0] == 200
    listed, planned, checked = (execute_as_written(first, command).stdout for command in looks)
    assert "localstack-extension-mailhog" in listed and "localstack-extension-typedb" in listed
    assert "install " not in planned and "remove " not in planned
    assert checked.startswith("nothing is wrong with ")
    assert first.stop()[0] == 0
    (folder / "extensions.txt").write_text("localstack-extension-diagnosis-viewer\n")
    second = start_as_written(start, in_a_file, folder, **public)
    second.next("installed diapretty ")
    second.ready()
    assert second.stop()[0] == 0
    status, said = start_as_written(start, doctor, folder, **public).wait()
    assert status == 0 and said.startswith("system\n") and "next boot: syncs: " in said, said
    volume = folder / "volume"
    os.chown(volume, 1000, 1000)
    third = start_as_written(start, user, folder, **public)
    third.next("installed localstack-extension-mailhog")
    third.ready()
    assert third.stop()[0] == 0
    assert {p.lstat().st_uid for p in volume.rglob("*")} == {1000}


def private_index(folder, authority=None, password=None, port_of=None):
    pages = StaticIndex(folder / "private")
    pages.add(make_wheel(folder / "private-wheels", "my-extension", "1.0"))
    return Nginx(pages, folder / "private-nginx", tls=authority, password=password, **(port_of or {}))


def test_a_private_index(start, public, folder):
    [command] = commands("### A private index")
    authority = Authority(folder / "authority", "the index's own")
    server = private_index(folder, authority, password="PASSWORD", port_of={"port": 443, "name": "index.example"})
    (folder / "netrc").write_text("machine index.example login user password PASSWORD\n")
    trusted = {"PIP_CERT": "/authority.pem"}
    public["mounts"].append(bind(authority.certificate, "/authority.pem", "ro"))
    container = start_as_written(start, command, folder, **{**public, "env": {**public["env"], **trusted}})
    container.next("installed my-extension 1.0")
    container.ready()
    assert container.stop()[0] == 0
    kept = b"".join(p.read_bytes() for p in (folder / "localstack").rglob("*") if p.is_file() and not p.is_symlink())
    assert b"PASSWORD" not in kept
    server.stop()


def test_proxies_and_certificates(start, public, folder):
    [command] = commands("### Proxies and certificates of your own")
    authority = Authority(folder / "authority", "the company's")
    server = private_index(folder, authority, port_of={"port": 443, "name": "index.example"})
    proxy = Tinyproxy(folder / "proxy", port=3128)
    (folder / "company.pem").write_bytes(authority.certificate.read_bytes())
    container = start_as_written(start, command, folder, mounts=public["mounts"])
    container.next("installed my-extension 1.0")
    container.ready()
    assert container.stop()[0] == 0
    assert "CONNECT index.example:443" in proxy.requests()
    proxy.stop()
    server.stop()


# As the template of an extension, but for the hook: the community edition has no other way to show that it is there.
PROJECT = """[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "my-extension"
version = "0.1.0"
[project.entry-points."localstack.hooks.on_infra_start"]
say = "my_extension.extension:say"
"""


def test_developing_an_extension(start, public, folder):
    command = commands("## Developing an extension")[0]
    module = folder / "project/my_extension/extension.py"
    module.parent.mkdir(parents=True)
    (folder / "project/pyproject.toml").write_text(PROJECT)
    module.with_name("__init__.py").touch()
    module.write_text(PLUGIN.format("one"))
    container = start_as_written(start, command, folder, **public)
    for line in ("localstack-entrypoint: LocalStack extension developer mode enabled",
                 "localstack-entrypoint: - mounting extension /opt/code/extensions/my-extension",
                 "localstack-extensions: installed my-extension 0.1.0"):
        container.next(f"^{line}")
    container.next("^the plugin says one$")
    container.ready()
    # Of another size: Python takes what it compiled for current where size and second are the same.
    module.write_text(PLUGIN.format("three"))
    container.next("^localstack-extensions: /opt/code/extensions/my-extension/my_extension/extension.py changed; LocalStack restarts$")
    container.next("^the plugin says three$")
    container.ready()
    assert container.stop()[0] == 0
    assert {p.name for p in module.parent.iterdir()} == {"__init__.py", "extension.py"}


def test_when_something_fails(start, public, folder):
    """One that is not there does not stop the others or LocalStack, unless that is asked for; and there is a way past any trouble."""
    env = {**public["env"], "EXTENSION_AUTO_INSTALL": "localstack-extension-mailhog,no-such-extension"}
    first = start(env=env, mounts=public["mounts"])
    first.next(r"^localstack-extensions: error: no-such-extension \(EXTENSION_AUTO_INSTALL\) is set aside: no index has a distribution named")
    first.ready()
    assert "localstack-extension-mailhog" in first.execute("localstack-extensions", "list").stdout
    assert first.stop()[0] == 0
    status, said = start(env={**env, "EXTENSION_ON_ERROR": "abort"}, mounts=public["mounts"]).wait()
    assert status == 1 and said.splitlines()[-1] == "localstack-entrypoint: error: the boot ends here, as EXTENSION_ON_ERROR=abort asks"
    past = start("true", env={**env, "EXTENSION_SYNC": "never"}, network="none")
    assert past.wait() == (0, "")


def test_no_network_at_all(start, public, index, folder):
    bundle, from_bundle, from_wheels = commands("### No network at all")
    status, said = start_as_written(start, bundle, folder, **public).wait()
    assert status == 0, said
    container = start_as_written(start, from_bundle, folder)
    container.next("installed .*localstack-extension-mailhog .*localstack-extension-typedb")
    container.ready()
    assert container.stop()[0] == 0
    wheels = pathlib.Path(folder / "wheels")
    wheels.mkdir()
    for wheel in index.pages.files.glob("*mailhog*.whl"):
        subprocess.run(["cp", wheel, wheels], check=True)
    again = start_as_written(start, from_wheels, folder)
    again.ready()
    assert "localstack-extension-typedb" not in again.execute("localstack-extensions", "list").stdout
    assert again.stop()[0] == 0
