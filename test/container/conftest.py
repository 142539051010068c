# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the container tests. All runs in a network namespace of its own, where there is nothing but loopback: what a container reaches
there, a test has put there."""

import ctypes
import fcntl
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent / "e2e")]

from containers import FOLDER, REPOSITORY, Container, Image  # noqa: E402
from servers import Nginx, StaticIndex  # noqa: E402
from wheels import make_wheel  # noqa: E402

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1

# Extensions as users have them, and what they bring; their wheels are had from the package index once.
REAL = ("localstack-extension-mailhog", "localstack-extension-typedb", "localstack-extension-diagnosis-viewer", "localstack-extension-terraform-init")
MARKER = "localstack-entrypoint-marker"
LOADED = f"{MARKER}: loaded from the extensions venv"


def own_network():
    """An empty network with loopback up. A machine that refuses gets its own."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))


def real_wheels():
    """Wheels of the extensions for the Python of LocalStack's image, in versions that go with what it brings along."""
    folder = FOLDER / "wheels"
    if not (folder / ".made").exists():
        shutil.rmtree(folder, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--only-binary", ":all:", "--python-version", "3.13",
               "--implementation", "cp", "--constraint", REPOSITORY / "test/base/python-3.13.txt", "--dest", folder]
        env = dict(os.environ)
        env.update({k[len("TEST_"):]: v for k, v in os.environ.items() if k.startswith("TEST_")})
        subprocess.run([*pip, *REAL], check=True, env=env, timeout=600)
        (folder / ".made").touch()
    return folder


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("the container tests need root", 1)
    env = dict(os.environ)
    env.update({k[len("TEST_"):]: v for k, v in os.environ.items() if k.startswith("TEST_")})
    subprocess.run([REPOSITORY / "scripts/container-images"], check=True, env=env)
    real_wheels()
    own_network()


class Images:
    """Each is mounted when it is first asked for."""

    def __init__(self):
        self.known = {}

    def __getitem__(self, name):
        if name not in self.known:
            self.known[name] = Image(name)
        return self.known[name]

    def close(self):
        for image in self.known.values():
            image.close()


@pytest.fixture(scope="session")
def images():
    there = Images()
    yield there
    there.close()


@pytest.fixture
def image(images):
    """LocalStack's, as far as can be told, with our programs."""
    return images["editable"]


@pytest.fixture
def folder(request):
    """On a disk, as the volumes of containers are."""
    name = re.sub(r"\W+", "-", request.node.name)[:60]
    path = FOLDER / "tests" / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def volume(folder):
    path = folder / "volume"
    path.mkdir()
    return path


@pytest.fixture
def start(image, folder, volume):
    """start(*args, ...) starts a container over the volume; what is left at the end is removed."""
    started = []

    def do(*args, **options):
        options = {"image": image, "volume": volume, **options}
        container = Container(options.pop("image"), folder / "containers", *args, **options)
        started.append(container)
        return container

    yield do
    for container in started:
        if container.bundle.exists():
            container.remove()


class Index:
    """A package index with real extensions, a distribution whose hook LocalStack loads, and what a test puts there."""

    def __init__(self, folder):
        self.folder = folder
        self.pages = StaticIndex(folder / "index")
        for wheel in sorted((FOLDER / "wheels").glob("*.whl")):
            copy = folder / wheel.name
            shutil.copy(wheel, copy)
            self.pages.add(copy)
        made = subprocess.run([sys.executable, REPOSITORY / "test/marker/make_wheel.py", folder], check=True, capture_output=True, text=True)
        self.pages.add(pathlib.Path(made.stdout.strip()))
        self.server = Nginx(self.pages, folder / "nginx")
        self.url = self.server.url

    def add(self, *args, **options):
        return self.pages.add(make_wheel(self.folder / "new", *args, **options))


@pytest.fixture
def index(folder):
    there = Index(folder / "index")
    yield there
    there.server.stop()
