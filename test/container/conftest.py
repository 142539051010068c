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

from containers import BUILDAH_ENV, FOLDER, REPOSITORY, Container, Files, Image, run  # noqa: E402
from figures import *  # noqa: E402,F403
from oci import profile_of  # noqa: E402
from real_index import real_index  # noqa: E402
from servers import Nginx, StaticIndex  # noqa: E402
from wheels import make_wheel  # noqa: E402

CLONE_NEWNS, CLONE_NEWNET, MS_REC, MS_PRIVATE = 0x20000, 0x40000000, 0x4000, 0x40000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1

# Extensions as users have them, and what they bring; their wheels are had from the package index once.
REAL = ("localstack-extension-mailhog", "localstack-extension-typedb", "localstack-extension-diagnosis-viewer", "localstack-extension-terraform-init")
MARKER = "localstack-entrypoint-marker"
LOADED = f"{MARKER}: loaded from the extensions venv"


def own_namespaces():
    """Mounts that end with the tests, however those end; and an empty network with loopback up, where the machine allows one."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0 or libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        raise OSError(ctypes.get_errno(), "cannot have mounts of our own")
    if libc.unshare(CLONE_NEWNET) == 0:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))


def real_wheels():
    """Wheels of the extensions for the Python of LocalStack's image, in versions that go with what it brings along."""
    folder = FOLDER / "wheels"
    if not (folder / ".made").exists():
        shutil.rmtree(folder, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--only-binary", ":all:", "--python-version", "3.13",
               "--implementation", "cp", "--constraint", REPOSITORY / "test/base/python-3.13.txt", "--dest", folder]
        subprocess.run([*pip, *REAL], check=True, env=os.environ | real_index(), timeout=600)
        (folder / ".made").touch()
    return folder


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("the container tests need root", 1)
    subprocess.run([REPOSITORY / "scripts/container-images"], check=True, env=os.environ | real_index())
    real_wheels()
    profile_of("docker")
    own_namespaces()
    # What an earlier run left behind that was killed.
    run("buildah", "rm", "--all", env=BUILDAH_ENV)
    shutil.rmtree(FOLDER / "tests", ignore_errors=True)


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


class Starter:
    """start(*args, ...) starts a container over the volume; what is left at the end is removed."""

    def __init__(self, image, folder, volume):
        self.folder, self.options = folder, {"image": image, "volume": volume}
        self.containers, self.laid = [], []

    def __call__(self, *args, **options):
        options = {**self.options, **options}
        container = Container(options.pop("image"), self.folder / "containers", *args, **options)
        self.containers.append(container)
        return container

    def files(self, image):
        """A root file system that a test changes before containers run on it: an image like this one, but for that."""
        files = Files(image, self.folder / f"files-{len(self.laid)}")
        self.laid.append(files)
        return files

    def close(self):
        for container in self.containers:
            if container.bundle.exists():
                container.remove()
        for files in self.laid:
            files.close()


@pytest.fixture
def start(image, folder, volume):
    starter = Starter(image, folder, volume)
    yield starter
    starter.close()


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
def unchanged(start):
    """unchanged(...): the next start has nothing to do and to say, and needs no network."""

    def check(**options):
        assert start("true", network="none", **options).wait() == (0, "")

    return check


@pytest.fixture
def index(folder):
    there = Index(folder / "index")
    yield there
    there.server.stop()
