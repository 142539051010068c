# SPDX-License-Identifier: Apache-2.0
"""What an index may send that means harm, and what it may be by mistake: the good beside it is installed, the bad is refused with the
reason, and neither memory nor time nor anything on disk pays for it."""

import contextlib
import gzip
import hashlib
import os
import pathlib
import shutil
import struct
import threading
import time

import pytest

import zips
from checks import check_records, tree
from fault_server import Answer, FaultServer, page
from small_world import LASTING
from wheels import metadata_text, wheel_bytes, wheel_filename
from zips import Entry

MOST_CONNECTIONS = 16  # to a server at once


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
    """Each is set aside, with the reason in the same line."""
    lines = [line for line in done.err.splitlines() if "is set aside: " in line]
    wrong = {name: [line for line in lines if f" {name} (EXTENSION_AUTO_INSTALL)" in line] for name, reason in reasons.items()
             if not any(f" {name} (EXTENSION_AUTO_INSTALL) is set aside: " in line and reason in line for line in lines)}
    assert not wrong, wrong


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
    """Where its page says how large it is. (Where none does: test_volumes.py.)"""
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
    assert len(seen) >= len(names) and len(set(seen)) <= MOST_CONNECTIONS, seen


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
    "a-million-links": (lambda: many_links(b"a_million_links", 1_000_000), "has more than 200000 links"),
    # What a page says once counts for each of its links.
    "long-base": (lambda: many_links(b"long_base", 100_000, b"<base href='/%s/'>" % (b"x" * 8000)), "lists more than 48 MiB of files"),
    "wide": (lambda: listing(b'{"x":[' + b",".join([b"[]"] * (20 * MB // 3)) + b"]}"), "holds a value larger than 1 MiB"),
    "wide-beside": (lambda: Answer(body=b'{"x":[' + b",".join([b"[]"] * (20 * MB // 3)) + b'],"files":[]}', type=JSON),
                    "holds a value larger than 1 MiB"),
    "deep": (lambda: listing(b"[" * 20 * MB), "is no JSON (at byte"),
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
    body = sparse(18)
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


def test_pages_that_are_each_in_bounds_but_not_together(root, good, server, measured):
    """As large as a page may be, and with as many files as may be kept of one."""
    names = [f"crowd{number}" for number in range(4)]
    for name in names:
        server.add(f"/simple/{name}/", listing(many_files(name.encode(), 100_000, b'{"url":"%s-%d-py3-none-any.whl"}' + b" " * 600)))
    ask(root, good, server, *(f"{name}==7" for name in names))
    done = measured(root, "sync", status=1)
    assert root.installed() == {"good": "1"}
    assert f"/simple/{names[-1]}/ is not read, because what the indexes say takes more than 96 MiB of memory already" in done.err


def test_a_project_with_more_versions_without_metadata_than_can_be_asked_for(root, good, server, measured):
    """In time that grows with their number, not with its square."""
    server.add("/simple/hollow/", listing(many_files(b"hollow", 100_000)))
    ask(root, good, server, "hollow")
    done = measured(root, "sync", most_s=4, status=1)
    assert root.installed() == {"good": "1"}
    refused(done, hollow="hollow 99999 cannot be used: hollow-99999-py3-none-any.whl is not there (404)")
    assert ("hollow 0 to 99935 cannot be used: no further metadata is looked for, because that of 64 other versions cannot be used."
            in done.err), done.err
    assert len(server.requests) < 200


def test_a_version_behind_many_without_metadata(root, good, server, measured):
    server.add("/simple/hollow/", listing(many_files(b"hollow", 70)))
    file = "hollow-30-py3-none-any.whl"
    server.add(f"/simple/hollow/{file}", Answer(body=wheel_bytes("hollow", "30"), ranges=True, etag='"w"'))
    ask(root, good, server, "hollow>=20")
    measured(root, "sync", status=0)
    assert root.installed() == {"good": "1", "hollow": "30"}


def test_a_project_with_more_versions_than_are_looked_at(root, good, server, measured):
    server.add("/simple/vain/", listing(many_files(b"vain", 5_000, b'{"url":"%s-%d-py3-none-any.whl","core-metadata":true}')))
    for number in range(5_000):
        server.add(f"/simple/vain/vain-{number}-py3-none-any.whl.metadata",
                   Answer(body=metadata_text("vain", str(number), ["absent"]).encode()))
    ask(root, good, server, "vain")
    done = measured(root, "sync", status=1)
    assert root.installed() == {"good": "1"}
    refused(done, vain="")
    assert "vain 0 to 903 cannot be used: no further metadata is looked for after that of 4096 other versions." in done.err, done.err
    assert len(server.requests) < 4_200


@pytest.mark.parametrize("entry", [b'{"url":"%s-%d-py3-none-any.whl","requires-python":">=4.NUMBER"}',
                                   b'{"url":"%s-%d-py3-none-any.whl","yanked":"for reason NUMBER"}'])
def test_a_project_whose_versions_have_each_a_reason_of_their_own(root, good, server, measured, entry):
    server.add("/simple/various/", listing(b",".join(entry.replace(b"NUMBER", b"%d" % n) % (b"various", n) for n in range(50_000))))
    ask(root, good, server, "various")
    done = measured(root, "sync", most_s=4, status=1)
    assert root.installed() == {"good": "1"}
    text = {True: "various 0 to 49935 were yanked (for various reasons)", False: "various 0 to 49935 cannot be used: each is ruled out for a reason"}
    assert text[b"yanked" in entry] in done.err, done.err


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


# ---- wheels. test_wheel.py has every way in which an archive can be wrong; here is what becomes of each kind in a sync.

def wheel(*payload, **options):
    """A wheel of any name, whose payload is beside a module that is right."""
    return lambda name: zips.make_wheel([(f"{name}/__init__.py", "x = 1\n"), *payload], name=name, **options)


def data(path, text="x"):
    return lambda name: wheel((f"{name}-1.0.data/{path}", text))(name)


def points(line):
    return wheel(entry_points=f"[console_scripts]\n{line}\n")


def record(edit, **options):
    return lambda name: wheel(edit=lambda lines: edit(lines, name), **options)(name)


def overlapping(name):
    """Two entries of one piece of the archive."""
    one, other = (Entry(f"{name}/{letter}.py", b"same", zips.STORED) for letter in "ab")
    other.central = {"offset": 0}
    return zips.make_wheel([one, other], name=name)


def zip64(size):
    return {"extra": struct.pack("<HHQ", 1, 8, size), "central": {"size": 0xFFFFFFFF, "extra_len": 12}}


MODULE_DIGEST = zips.digest(b"x = 1\n")
OWN = "the venv's own"
BAD_WHEELS = {
    "parent": (wheel(("../../../../outside.py", "")), "leads out of its folder"),
    "absolute": (wheel(("/tmp/outside-of-the-venv.py", "")), "is absolute"),
    "nul": (wheel(("a.py\0.txt", "")), "NUL byte"),
    "backslash": (wheel(("..\\outside.py", "")), "backslash"),
    "control": (wheel(("a\nlocalstack-extensions: error: \x1b[2Jb.py", "")), r'a\x0alocalstack-extensions: error: \x1b[2Jb.py'),
    "link": (wheel(Entry("sub", "/tmp", mode=0o120777), ("sub/outside.py", "")), "symbolic link"),
    "device": (wheel(Entry("null", mode=0o20666)), "device, pipe or socket"),
    "twice": (wheel(("a.py", "1"), ("a.py", "2")), "is there twice"),
    "folderfile": (wheel(("a/b.py", ""), ("a", "")), "both a file and a folder"),
    "norecord": (record(lambda lines, name: None), "RECORD is missing"),
    "shortrecord": (record(lambda lines, name: lines[1:]), "but not in RECORD"),
    "wrongrecord": (record(lambda lines, name: [l.replace(MODULE_DIGEST, zips.digest(b"y")) for l in lines]), "other contents than RECORD"),
    "nodigest": (record(lambda lines, name: [l.replace(f"sha256={MODULE_DIGEST}", "") for l in lines]), "no digest in RECORD"),
    "md5record": (wheel(algorithm="md5"), "none of sha256"),
    "longrecord": (record(lambda lines, name: [*lines, f"{name}/gone.py,sha256=abc,1"]), "not in the archive"),
    "unrecorded": (wheel(more=[Entry("surplus.py", "")]), "but not in RECORD"),
    "othername": (wheel(metadata="Metadata-Version: 2.1\nName: other\nVersion: 1.0\n"), "Name in METADATA"),
    "otherversion": (wheel(metadata="Metadata-Version: 2.1\nName: otherversion\nVersion: 2.0\n"), "Version in METADATA"),
    "otherinfo": (wheel(info="other-1.0.dist-info"), "not of the distribution and version"),
    "otherneeds": (wheel(metadata="Metadata-Version: 2.1\nName: otherneeds\nVersion: 1.0\nRequires-Dist: surprise\n"),
                   "is not the metadata in the wheel"),
    "bomb": (wheel(*((f"{number}", b"\0" * 16_000_000) for number in range(10))), "no honest archive"),
    "declared": (wheel(Entry("a", "x", **zip64(1 << 62))), "no honest archive"),
    "overlap": (overlapping, "overlaps what follows"),
    "liesless": (wheel(Entry("a", "x" * 1000, central={"size": 10}, local={"size": 10}),), "in RECORD"),
    "liesmore": (wheel(Entry("a", "x", central={"packed": 1 << 30})), "overlaps what follows"),
    "checksum": (wheel(Entry("a", "x", central={"crc": 1}, local={"crc": 1})), "checksum is wrong"),
    "zip64short": (wheel(Entry("a", "x", extra=struct.pack("<HHI", 1, 4, 1), central={"size": 0xFFFFFFFF, "extra_len": 8})), "damaged extra field"),
    "zip64end": (wheel(zip64={"where": (1 << 64) - 1}), "zip64 end record is not where"),
    "encrypted": (wheel(Entry("a", "x", central={"flags": 1}, local={"flags": 1})), "is encrypted"),
    "bzip2": (wheel(Entry("a", "x", central={"method": 12}, local={"method": 12})), "compressed in a way"),
    "garbage": (lambda name: b"PK\3\4" + b"x" * 5000, "no zip archive, or cut short"),
    "entrypath": (points("../../x = m:f"), "leads out of its folder"),
    "entryfolder": (points("a/b = m:f"), "is a path"),
    "entrycode": (points("a = m:f;import os"), "MODULE:ATTRIBUTE"),
    "entrypython": (points("python = m:f"), OWN),
    "scheme": (data("secrets/x"), "a scheme that nobody knows"),
    "pyvenvcfg": (data("data/pyvenv.cfg"), OWN),
    "python": (data("data/bin/python"), OWN),
    "scriptpip": (data("scripts/pip3"), OWN),
    "venvpth": (wheel(("localstack-venv.pth", "/tmp\n")), OWN),
    "notitsinfo": (data("purelib/good-1.dist-info/METADATA"), "not its own"),
    "thief": (wheel(("good/__init__.py", "stolen = 1\n")), "good/__init__.py, which belongs to good"),
}


def offer(server, name, wheel_data, beside):
    """What the index says is right: only the wheel is not."""
    file = wheel_filename(name, "1.0")
    entry = {"filename": file, "url": f"/files/{file}", "hashes": {"sha256": hashlib.sha256(wheel_data).hexdigest()}}
    if beside:
        server.add(f"/files/{file}.metadata", Answer(body=f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()))
    server.add(f"/simple/{name}/", page([{**entry, "core-metadata": bool(beside)}]))
    server.add(f"/files/{file}", Answer(body=wheel_data, ranges=True, etag='"1"'))


@pytest.mark.parametrize("beside", [True, False], ids=["metadata", "ranges"])
def test_wheels(root, good, server, measured, tmp_path, beside):
    """All in one sync. Where metadata has to be read from the wheel itself some are refused for what is seen first."""
    for name, (make, _) in BAD_WHEELS.items():
        offer(server, name, make(name), beside)
    ask(root, good, server, *BAD_WHEELS)
    written = (root.extensions, root.volume / "cache")
    between = [str(parent) for folder in written for parent in folder.parents]
    outside = {p: s for p, s in tree(tmp_path).items() if "taken" not in p}
    done = measured(root, "sync", status=1)
    assert root.installed() == {"good": "1"}
    check_records(root)
    assert (root.site / "good/__init__.py").read_text() == "version = '1'\n"
    refused(done, **{name: reason if beside else "" for name, (_, reason) in BAD_WHEELS.items()})
    assert "\x1b" not in done.err
    now = {p: s for p, s in tree(tmp_path).items() if "taken" not in p}
    assert not [p for p in now.keys() ^ outside.keys() if p not in between and not any(pathlib.Path(p).is_relative_to(f) for f in written)]
    assert {p.name for p in root.extensions.iterdir()} == LASTING
    assert not pathlib.Path("/tmp/outside-of-the-venv.py").exists()


def test_wheels_that_are_odd_and_right(root, good, server, measured):
    """Modes are of no consequence. Names that differ in case or in Unicode's normal form are different files, as for pip: where a
    volume takes them for one, the second is refused by who unpacks it."""
    modes = {"suid": 0o104755, "sgid": 0o102644, "sticky": 0o101777, "secret": 0o100600, "none": 0}
    twins = {"Twins.py": "1", "twins.py": "2", "caf\u00e9.py": "3", "cafe\u0301.py": "4"}
    for name, make in (("modes", wheel(*(Entry(f"modes/{file}", file, mode=mode) for file, mode in modes.items()))),
                       ("twins", wheel(*(Entry(f"twins/{file}", text) for file, text in twins.items())))):
        offer(server, name, make(name), True)
    ask(root, good, server, "modes", "twins")
    measured(root, "sync", status=0)
    assert root.installed() == {"good": "1", "modes": "1.0", "twins": "1.0"}
    check_records(root)
    assert {file: (root.site / "modes" / file).stat().st_mode & 0o7777 for file in modes} == {
        "suid": 0o755, "sgid": 0o644, "sticky": 0o755, "secret": 0o644, "none": 0o644}
    assert {file: (root.site / "twins" / file).read_text() for file in twins} == twins


# ---- pages that say what is not so

def lie(name, **facts):
    """A page of one wheel that is right, but for what is said of it; None takes a fact out."""
    file = wheel_filename(name, "1.0")
    wheel_data = zips.make_wheel([(f"{name}.py", "")], name=name)
    entry = {"filename": file, "url": f"/files/{file}", "hashes": {"sha256": hashlib.sha256(wheel_data).hexdigest()}, "core-metadata": True, **facts}
    return wheel_data, {key: value for key, value in entry.items() if value is not None}


LIES = {
    "digest": ({"hashes": {"sha256": "0" * 64}}, "it was changed on the way or on the server"),
    "md5": ({"hashes": {"md5": "0" * 32}}, "it was changed on the way or on the server"),
    "metadigest": ({"core-metadata": {"sha256": "0" * 64}}, "the metadata of metadigest-1.0-py3-none-any.whl has the sha256"),
    "othersname": ({"filename": "good-1.0-py3-none-any.whl"}, "lists no file of it that can be understood"),
    "pathname": ({"filename": "../pathname-1.0-py3-none-any.whl"}, "lists no file of it that can be understood"),
    "controlname": ({"filename": "controlname-1.0\n\x1b[2J-py3-none-any.whl"}, "lists no file of it that can be understood"),
    "local": ({"url": "file:///etc/passwd"}, "lists no file of it that can be understood"),
    "scheme": ({"url": "gopher://127.0.0.1/x"}, "lists no file of it that can be understood"),
    "baddigest": ({"hashes": {"sha256": "x"}}, "lists no file of it that can be understood"),
}


def test_pages_that_lie(root, good, server, measured):
    for name, (facts, _) in LIES.items():
        wheel_data, entry = lie(name, **facts)
        server.add(f"/simple/{name}/", page([entry]))
        server.add(f"/files/{wheel_filename(name, '1.0')}", Answer(body=wheel_data, ranges=True, etag='"1"'))
        server.add(f"/files/{wheel_filename(name, '1.0')}.metadata", Answer(body=f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()))
    ask(root, good, server, *LIES)
    done = measured(root, "sync", "-v", status=1)
    assert root.installed() == {"good": "1"}
    refused(done, **{name: reason for name, (_, reason) in LIES.items()})
    assert "\x1b" not in done.err


HTML = "<!DOCTYPE html><html><body><a href='/files/{0}-1.0-py3-none-any.whl'>x</a></body></html>"
ENCODED = {
    "utf16html": (lambda name: Answer(body=HTML.format(name).encode("utf-16"), type="text/html; charset=utf-16"), None),
    "utf16json": (lambda name: Answer(body='{"files": []}'.encode("utf-16"), type=JSON), "is no page of a package index: it is no JSON object"),
    "latinjson": (lambda name: Answer(body=b'{"files": [{"url": "/caf\xe9-1.0-py3-none-any.whl"}]}', type=JSON), "is no JSON"),
    "nul": (lambda name: Answer(body=b'{"files": []}\0', type=JSON), "is no JSON"),
    "picture": (lambda name: Answer(body=b"\x89PNG", type="image/png"), "is no page of a package index, but of type image/png"),
    "future": (lambda name: Answer(body=b'{"meta": {"api-version": "2.0"}, "files": []}', type=JSON), "newer than this program"),
    "notgzip": (lambda name: Answer(body=b"<html>", headers={"Content-Encoding": "gzip"}, type="text/html"), "did not come"),
    "nocoding": (lambda name: Answer(body=b"<html>", headers={"Content-Encoding": "x-mine"}, type="text/html"), "did not come"),
    "headers": (lambda name: Answer(body=b"{}", headers={f"X-{number}": "x" * 8000 for number in range(100)}, type=JSON), "did not come"),
    "garbage": (lambda name: Answer(body=b"\0\1\2" * 1000, garbage=True), "did not come"),
}


def test_pages_of_wrong_encodings(root, good, server, measured):
    for name, (make, _) in ENCODED.items():
        server.add(f"/simple/{name}/", make(name))
    ask(root, good, server, *ENCODED)
    done = measured(root, "sync", status=1)
    assert root.installed() == {"good": "1"}
    refused(done, **{name: reason or "" for name, (_, reason) in ENCODED.items()})


@pytest.mark.parametrize("first", ["the wheel", "the cache"])
def test_metadata_that_comes_after_its_wheel_is_compared_all_the_same(root, good, server, first):
    """What will probably be needed is fetched, or found in the cache, before its metadata is there."""
    if first == "the cache":
        offer(server, "late", wheel()("late"), beside=False)
        ask(root, good, server, "late")
        assert root.run("sync", "--venv", root.extensions.parent / "other/python_venv").status == 0
    unpacked, held = root.volume / "cache/extensions/unpacked", threading.Event()
    offer(server, "late", wheel()("late"), beside=True)
    name = wheel_filename("late", "1.0")
    told = b"Metadata-Version: 2.1\nName: late\nVersion: 1.0\nSummary: other\n"
    server.add(f"/files/{name}.metadata", Answer(body=told, wait=held))
    ask(root, good, server, "late")

    def let_go():
        for _ in range(3000):
            if unpacked.is_dir() and len([p for p in unpacked.iterdir() if (p / "list").exists() and not p.name.startswith(".")]) == 2:
                break
            threading.Event().wait(0.01)
        held.set()

    opener = threading.Thread(target=let_go)
    opener.start()
    shutil.rmtree(root.volume / "cache/extensions/metadata", ignore_errors=True)
    done = root.run("sync", "--upgrade")
    opener.join()
    assert done.status == 1 and root.installed() == {"good": "1"}, done
    refused(done, late="is not the metadata in the wheel")
