# SPDX-License-Identifier: Apache-2.0
"""Sizes are bounded: what is far larger than it can rightly be is refused with a message that says how large it may be, is not
held in memory, and takes no other requirement with it."""

import pytest

from fault_server import Answer, FaultServer
from wheels import metadata_text

MB = 1_000_000


@pytest.fixture
def server():
    with FaultServer() as s:
        yield s


@pytest.fixture
def good(index):
    """One distribution that can be had, whatever the matter is with others."""
    index.add("good", "1")
    return index


def big_page(html):
    if html:
        return b"<!DOCTYPE html><html><body>" + b"<a href='x'>x</a>\n" * (100 * MB // 18) + b"</body></html>", "text/html"
    return b'{"meta": {"api-version": "1.1"}, "name": "x", "files": [' + b" " * 100 * MB + b"]}", "application/vnd.pypi.simple.v1+json"


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("html", [False, True])
def test_a_project_page(root, good, server, measured, html, compress):
    body, kind = big_page(html)
    # What says beforehand how large it is takes no memory at all, however many there are.
    names = ("large", "huge") if compress else ("large", "huge", "vast", "giant", "great", "gross", "grand", "big")
    for name in names:
        server.add(f"/simple/{name}/", Answer(body=body, type=kind, compress=compress))
    done = measured(root, "sync", status=1, EXTENSION_AUTO_INSTALL=",".join(["good", *names]),
                    PIP_INDEX_URL=good.server.url, PIP_EXTRA_INDEX_URL=f"{server.url}/simple/")
    assert root.installed() == {"good": "1"}
    reason = "unpacks to more than 200 times its size" if compress else "is larger than 64 MiB"
    for name in names:
        assert f"{name} (EXTENSION_AUTO_INSTALL) is set aside: {server.url}/simple/{name}/ {reason}" in done.err


def test_a_line_of_a_requirements_file(root, good, measured):
    root.requirements("good\n" + "x" * 10 * MB + "\nabsent; bad\n")
    done = measured(root, "sync", status=1)
    assert root.installed() == {"good": "1"}
    assert f"({root.conf}/extensions.txt:2) is set aside: the line is longer than 1 MiB" in done.err
    assert "extensions.txt:3" in done.err


def test_a_line_that_is_joined_of_many(root, good, measured):
    root.requirements("x\\\n" * 3 * MB + "\ngood\n")
    done = measured(root, "sync", status=1)
    assert root.installed() == {"good": "1"}
    assert f"({root.conf}/extensions.txt:1) is set aside: the line is longer than 1 MiB" in done.err


def test_a_requirements_file(root, good, measured):
    root.requirements("good\n" * (100 * MB // 5))
    done = measured(root, "sync", status=1, EXTENSION_AUTO_INSTALL="good")
    assert root.installed() == {"good": "1"}
    assert f"{root.conf}/extensions.txt is larger than 16 MiB" in done.err


def test_an_included_file_and_one_over_http(root, good, server, measured):
    text = b"good\n" * (100 * MB // 5)
    (root.conf / "more.txt").write_bytes(text)
    server.add("/more.txt", Answer(body=text))
    root.requirements(f"-r more.txt\n-r {server.url}/more.txt\n-c more.txt\n")
    root.env["EXTENSION_AUTO_INSTALL"] = "good"  # what stands beside constraints that cannot be read is set aside
    done = measured(root, "sync", status=1)
    assert root.installed() == {"good": "1"}
    for line, place in ((1, f"{root.conf}/more.txt"), (2, f"{server.url}/more.txt"), (3, f"{root.conf}/more.txt")):
        assert f"extensions.txt:{line}) is set aside: {place} is larger than 16 MiB" in done.err


def test_a_large_file_at_boot(root, good):
    root.requirements("good\n" * (100 * MB // 5))
    done = root.boot("echo", "booted", env={"EXTENSION_AUTO_INSTALL": "good"})
    assert done.status == 0 and done.out == "booted\n" and "is larger than 16 MiB" in done.err, done
    assert root.installed() == {"good": "1"}


@pytest.mark.parametrize("beside", [True, False])
def test_the_metadata_of_a_wheel(root, good, measured, beside):
    good.index.metadata = beside
    text = metadata_text("wordy", "1") + "x" * 79 + "\n"
    good.add("wordy", "1", metadata=text + ("x" * 79 + "\n") * (100 * MB // 80))
    done = measured(root, "sync", status=1, EXTENSION_AUTO_INSTALL="wordy,good")
    assert root.installed() == {"good": "1"}
    assert "wordy" in done.err and "16 MiB" in done.err, done


def test_the_settings(root, good, measured):
    (root.conf / "extensions.yaml").write_text("# " + "x" * 10 * MB + "\ninstall: [good]\n")
    done = measured(root, "sync", status=2)
    assert f"{root.conf}/extensions.yaml is larger than 256 KiB" in done.err
    assert not root.venv.exists()


def test_pips_settings(root, good, measured, tmp_path):
    conf = tmp_path / "pip.conf"
    conf.write_text("[global]\n" + "# x\n" * (10 * MB // 4))
    done = measured(root, "sync", status=0, EXTENSION_AUTO_INSTALL="good", PIP_CONFIG_FILE=conf)
    assert f"warning: PIP_CONFIG_FILE: {conf} is larger than 256 KiB; it is passed over" in done.err
    assert root.installed() == {"good": "1"}
