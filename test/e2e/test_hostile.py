# SPDX-License-Identifier: Apache-2.0
"""What an index may send that means harm, and what it may be by mistake: the good beside it is installed, the bad is refused with the
reason, and neither memory nor time nor anything on disk pays for it."""

import contextlib
import gzip
import hashlib
import os
import re
import threading
import time

import pytest

from fault_server import Answer, FaultServer, page
from wheels import metadata_text, wheel_bytes, wheel_filename


@pytest.fixture
def server():
    with FaultServer() as s:
        yield s


@pytest.fixture
def good(root, index):
    """One distribution that can be had, whatever the matter is with what `server`, which is asked first, says of others."""
    index.add("good", "1")
    return index


def ask(root, good, server, *names):
    root.env.update(EXTENSION_AUTO_INSTALL=",".join([*names, "good"]), PIP_INDEX_URL=good.server.url,
                    PIP_EXTRA_INDEX_URL=f"{server.url}/simple/")


def refused(done, **reasons):
    for name, reason in reasons.items():
        assert re.search(f"{name} \\(EXTENSION_AUTO_INSTALL\\) is set aside: .*{re.escape(reason)}", done.err), (name, reason, done.err)


# ---- answers that never end

KINDS = ("flood", "trickle", "silence")


def never(kind, status, **more):
    """An answer of this status whose body never comes to its end."""
    if kind == "silence":
        return Answer(status=status, length=1000, wait_body=threading.Event(), **more)
    interval = 0 if kind == "flood" else 0.05
    return Answer(status=status, endless=b"x" * 64 if interval else b"x" * 65536, interval=interval, **more)


@contextlib.contextmanager
def soon():
    began = time.monotonic()
    yield
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_that_is_an_error_or_a_redirect_without_end(root, good, server, measured, kind):
    server.add("/moved/", page([]))
    for status, location in ((403, None), (404, None), (500, None), (503, None), (301, "/moved/"), (302, "/simple/n302/")):
        server.add(f"/simple/n{status}/", never(kind, status, headers={"Location": location} if location else {}))
    ask(root, good, server, "n403", "n404", "n500", "n503", "n301", "n302")
    with soon():
        done = measured(root, "sync", status=1)
    assert root.installed() == {"good": "1"}
    refused(done, n403="wants credentials (403)", n404="no index has a distribution named n404", n500="fails with status 500, also after 1 try",
            n503="fails with status 503, also after 1 try", n302="redirects more than 10 times")
    assert server.asked("/moved/")


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_an_error_or_a_redirect_without_end(root, good, server, measured, kind):
    for status in (403, 404, 500, 302):
        name = f"n{status}"
        wheel, file = wheel_bytes(name, "1"), wheel_filename(name, "1")
        digest = hashlib.sha256(wheel).hexdigest()
        server.add(f"/simple/{name}/", page([{"filename": file, "url": f"/files/{file}", "hashes": {"sha256": digest}, "core-metadata": True}]))
        server.add(f"/files/{file}.metadata", Answer(body=metadata_text(name, "1").encode()))
        server.add(f"/files/{file}", never(kind, status, headers={"Location": f"/there/{file}"} if status == 302 else {}))
        server.add(f"/there/{file}", Answer(body=wheel))
    ask(root, good, server, "n403", "n404", "n500", "n302")
    with soon():
        done = measured(root, "sync", status=1)
    assert root.installed() == {"good": "1", "n302": "1"}
    refused(done, n403="wants credentials (403)", n404="is not there (404)", n500="fails with status 500")


def test_a_file_without_end(root, good, server, measured):
    """Where its page says how large it is. (Where none does only the disk can tell.)"""
    file = wheel_filename("endless", "1")
    server.add("/simple/endless/", page([{"filename": file, "url": f"/files/{file}", "hashes": {}, "size": 1000, "core-metadata": True}]))
    server.add(f"/files/{file}.metadata", Answer(body=metadata_text("endless", "1").encode()))
    server.add(f"/files/{file}", never("flood", 200))
    ask(root, good, server, "endless")
    with soon():
        done = measured(root, "sync", status=1)
    assert root.installed() == {"good": "1"}
    refused(done, endless=f"{file} is larger than")


def test_an_error_that_ends_leaves_its_connection_for_the_next_request(root, good, workshop):
    """Each of many names is asked for on an index that has none of them."""
    other = workshop.serve()
    names = [f"lib{number}" for number in range(30)]
    ask(root, good, other, *names)
    root.sync(status=1, PIP_EXTRA_INDEX_URL=other.url.replace("/simple/", "/nowhere/"))
    seen = [connection for _, connection in other.connections()]
    assert len(seen) >= len(names) and len(set(seen)) <= 6, seen


# ---- pages that want memory and time

JSON = "application/vnd.pypi.simple.v1+json"
MB = 1_000_000


def listing(items):
    return Answer(body=b'{"meta": {"api-version": "1.1"}, "files": [' + items + b"]}", type=JSON)


def sparse(megabytes):
    """A page without files that is as large as that and is packed to about a hundredth of it."""
    piece = b'"%s": 1,' + b" " * 7500
    body = b"".join(piece % os.urandom(30).hex().encode() for _ in range(megabytes * MB // 7567))
    return b'{"files": [], ' + body + b'"": 0}'


def many_files(name, count, entry=b'{"url":"%s-%d-py3-none-any.whl"}'):
    return b",".join(entry % (name, number) for number in range(count))


def many_links(name, count, head=b""):
    links = b"".join(b"<a href=%s-%d-py3-none-any.whl>" % (name, number) for number in range(count))
    return Answer(body=b"<!DOCTYPE html><html>" + head + links, type="text/html")


COSTLY = {
    "a-million-files": (lambda: listing(many_files(b"a-million-files", 1_000_000)), "has more than 200000 links"),
    "a-million-links": (lambda: many_links(b"a_million_links", 1_000_000), "lists more than 48 MiB of files"),
    # What a page says once counts for each of its links.
    "long-base": (lambda: many_links(b"long_base", 100_000, b"<base href='/%s/'>" % (b"x" * 8000)), "lists more than 48 MiB of files"),
    "wide": (lambda: listing(b'{"x":[' + b",".join([b"[]"] * (60 * MB // 3)) + b"]}"), "holds a value larger than 1 MiB"),
    "wide-beside": (lambda: Answer(body=b'{"x":[' + b",".join([b"[]"] * (60 * MB // 3)) + b'],"files":[]}', type=JSON),
                    "holds a value larger than 1 MiB"),
    "deep": (lambda: listing(b"[" * 60 * MB), "is no JSON (at byte"),
    "bomb": (lambda: Answer(body=b'{"files": [' + b" " * 60 * MB + b"]}", type=JSON, compress=True), "unpacks to more than 200 times its size"),
}


@pytest.mark.parametrize("name", COSTLY)
def test_a_page_that_costs_more_than_it_can_be_worth(root, good, server, measured, name):
    make, reason = COSTLY[name]
    server.add(f"/simple/{name}/", make())
    ask(root, good, server, name)
    done = measured(root, "sync", status=1)
    assert root.installed() == {"good": "1"}
    refused(done, **{name: reason})


@pytest.mark.parametrize("compress", [False, True])
def test_many_large_pages_at_once_are_not_held_at_once(root, good, server, measured, compress):
    """Each is in bounds, and what it lists counts; none says beforehand how large it is."""
    body = sparse(20)
    answer = Answer(body=gzip.compress(body) if compress else body, headers={"Content-Encoding": "gzip"} if compress else {},
                    length=None if compress else -1, type=JSON)
    names = [f"large{number}" for number in range(16)]
    for name in names:
        server.add(f"/simple/{name}/", answer)
    ask(root, good, server, *names)
    done = measured(root, "sync", status=1)
    assert root.installed() == {"good": "1"}
    refused(done, **{name: f"{name}, but lists no file of it" for name in names})
    # A page that found no room is asked for once more, when it is needed.
    assert all(len(server.asked(f"/simple/{name}/")) <= 2 for name in names)


def test_metadata_that_is_parsed_to_more_than_it_can_be_worth(root, good, server, measured):
    for name, line in (("many", "Requires-Dist: a\n"), ("long", "Requires-Dist: a;" + " or ".join(["os_name=='x'"] * 50_000) + "\n"),
                       ("extra", "Provides-Extra: a\n")):
        text = metadata_text(name, "1").rstrip("\n") + "\n" + line * (10 * MB // len(line))
        file = wheel_filename(name, "1")
        server.add(f"/simple/{name}/", page([{"filename": file, "url": f"/files/{file}", "hashes": {}, "core-metadata": True}]))
        server.add(f"/files/{file}.metadata", Answer(body=text.encode()))
    ask(root, good, server, "many", "long", "extra")
    done = measured(root, "sync", status=1)
    assert root.installed() == {"good": "1"}
    refused(done, many="the metadata has more than 20000 requirements", long="the metadata takes more than 32 MiB of memory",
            extra="the metadata has more than 20000 requirements, extras")
