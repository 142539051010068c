# SPDX-License-Identifier: Apache-2.0
"""What an index may send that means harm, and what it may be by mistake: the good beside it is installed, the bad is refused with the
reason, and neither memory nor time nor anything on disk pays for it."""

import hashlib
import re
import threading

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
    pace = 0 if kind == "flood" else 0.05
    return Answer(status=status, endless=b"x" * 64 if pace else b"x" * 65536, pace=pace, **more)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_that_is_an_error_or_a_redirect_without_end(root, good, server, measured, kind):
    server.add("/moved/", page([]))
    for status, location in ((403, None), (404, None), (500, None), (503, None), (301, "/moved/"), (302, "/simple/n302/")):
        server.add(f"/simple/n{status}/", never(kind, status, headers={"Location": location} if location else {}))
    ask(root, good, server, "n403", "n404", "n500", "n503", "n301", "n302")
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
    done = measured(root, "sync", status=1)
    assert root.installed() == {"good": "1", "n302": "1"}
    refused(done, n403="wants credentials (403)", n404="is not there (404)", n500="fails with status 500")


def test_an_error_that_ends_leaves_its_connection_for_the_next_request(root, good, workshop):
    """Each of many names is asked for on an index that has none of them."""
    other = workshop.serve()
    names = [f"lib{number}" for number in range(30)]
    ask(root, good, other, *names)
    root.sync(status=1, PIP_EXTRA_INDEX_URL=other.url.replace("/simple/", "/nowhere/"))
    seen = [connection for _, connection in other.connections()]
    assert len(seen) >= len(names) and len(set(seen)) <= 6, seen
