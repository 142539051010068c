# SPDX-License-Identifier: Apache-2.0
"""The index library ($BUILD_DIR/tools/index) against servers that behave, and servers that do not."""

import hashlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import zipfile
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import pytest

from fault_server import Answer, FaultServer, page
from servers import Authority

TOOL = Path(os.environ.get("BUILD_DIR", "build")).resolve() / "tools" / "index"
TAG = "py3-none-any"


def wheel(name, version, requires=(), padding=0, dist_info_first=False):
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {r}\n" for r in requires)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        if not dist_info_first:
            z.writestr(zipfile.ZipInfo(f"{name}/data.bin"), os.urandom(padding))
        z.writestr(f"{name}-{version}.dist-info/METADATA", metadata)
        if dist_info_first:
            z.writestr(zipfile.ZipInfo(f"{name}/data.bin"), os.urandom(padding))
    return out.getvalue(), metadata.encode()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def entry(filename, data=b"", url=None, **more):
    return {"filename": filename, "url": url or filename, "hashes": {"sha256": sha256(data)}, **more}


def run(*args, env=None, check=True, home="/nonexistent"):
    done = subprocess.run([TOOL, *map(str, args)], capture_output=True, text=True, timeout=60,
                          env={"HOME": str(home), "PATH": os.environ["PATH"], **(env or {})})
    if check:
        assert done.returncode == 0, done.stderr
    out = json.loads(done.stdout)
    out["stderr"] = done.stderr
    return out


@pytest.fixture
def server():
    with FaultServer() as s:
        yield s


def offer(server, name="demo", version="1.0", requires=("other>=1",), padding=0, answer=None, index="", **more):
    """One wheel on one index; the wheel's bytes."""
    data, metadata = wheel(name, version, requires, padding)
    filename = f"{name}-{version}-{TAG}.whl"
    url = f"{server.url}{index}/files/{filename}"
    server.add(f"{index}/simple/{name}/", page([entry(filename, data, url=url, **more)]))
    server.add(f"{index}/files/{filename}", answer(data) if answer else Answer(body=data, ranges=True, etag='"w"'))
    return data, metadata


def index_of(server, path=""):
    return f"--index={server.url}{path}/simple/"


# ---- pages

@pytest.mark.parametrize("html", [False, True])
def test_releases_are_grouped_and_explained(server, html):
    server.add("/simple/demo/", page([
        entry("demo-1.0-py3-none-any.whl"),
        entry("demo-1.0.0.tar.gz"),
        entry("demo-2.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"),
        entry("demo-2.0-cp311-cp311-win_amd64.whl"),
        entry("demo-2.0-py3-none-any.whl"),
        entry("demo-3.0-cp311-cp311-win_amd64.whl"),
        entry("demo-3.0-cp311-cp311-macosx_11_0_arm64.whl"),
        entry("demo-4.0-cp313-cp313-manylinux_2_17_x86_64.whl"),
        entry("demo-5.0.tar.gz"),
        {**entry("demo-6.0-py3-none-any.whl"), "requires-python": ">=3.14"},
        {**entry("demo-7.0-py3-none-any.whl"), "yanked": "broken"},
        {**entry("demo-8.0-1-py3-none-any.whl"), "yanked": True},
        entry("demo-8.0-2-py3-none-any.whl"),
        entry("demo-8.0-10-py3-none-any.whl"),
        entry("demo-junk-py3-none-any.whl"),
        entry("demonstration-1.0-py3-none-any.whl"),
        entry("readme.txt"),
    ], html=html))
    releases = run(index_of(server), "project", "demo")["result"][0]["releases"]
    assert [(r["version"], r["wheel"], r["excluded"], r["yanked"], r["reason"]) for r in releases] == [
        ("8.0", "demo-8.0-10-py3-none-any.whl", None, False, None),
        ("7.0", "demo-7.0-py3-none-any.whl", None, True, "broken"),
        ("6.0", None, "needs Python >=3.14", False, None),
        ("5.0", None, "is only offered as a source distribution", False, None),
        ("4.0", None, "has no wheel for this Python (only: cp313-cp313)", False, None),
        ("3.0", None, "has no wheel for this platform (only: win_amd64, macosx_11_0_arm64)", False, None),
        ("2.0", "demo-2.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", None, False, None),
        ("1.0", "demo-1.0-py3-none-any.whl", None, False, None),
    ]
    assert releases[0]["hash"] == sha256(b"")


def test_json_is_preferred_and_compressed(server):
    offer(server)
    server.answers["/simple/demo/"][0].compress = True
    assert run(index_of(server), "project", "demo")["result"][0]["releases"][0]["version"] == "1.0"
    asked = server.asked("/simple/demo/")[0].headers
    assert asked["accept"].startswith("application/vnd.pypi.simple.v1+json,")
    assert "gzip" in asked["accept-encoding"]


@pytest.mark.parametrize("answer, text", [
    (Answer(body=b'{"meta": {"api-version": "2.0"}, "files": []}', type="application/vnd.pypi.simple.v2+json"),
     "API version 2.0"),
    (Answer(body=b'<meta name="pypi:repository-version" content="2.1">', type="text/html"), "API version 2.1"),
    (Answer(body=b'{"files": [', type="application/vnd.pypi.simple.v1+json"), "no JSON"),
    (Answer(body=b'[]', type="application/vnd.pypi.simple.v1+json"), "no JSON object"),
    (Answer(body=b'{"meta": {}}', type="application/vnd.pypi.simple.v1+json"), "no list 'files'"),
    (Answer(body=b'{"files": [], "meta": {"api-version": "2.0"}}', type="application/vnd.pypi.simple.v1+json"),
     "API version 2.0"),
    (Answer(body=b'hello', type="text/plain"), "of type text/plain"),
])
def test_what_is_no_page_is_an_error(server, answer, text):
    server.add("/simple/demo/", answer)
    result = run(index_of(server), "project", "demo")["result"][0]
    assert result["error"] == "input" and text in result["text"]


def test_a_server_cannot_make_us_open_files(server, tmp_path):
    (tmp_path / f"demo-1.0-{TAG}.whl").write_bytes(wheel("demo", "1.0")[0])
    server.add("/simple/demo/", page([entry(f"demo-1.0-{TAG}.whl", url=f"file://{tmp_path}/demo-1.0-{TAG}.whl"),
                                      entry(f"demo-2.0-{TAG}.whl", url="javascript:alert(1)")]))
    result = run(index_of(server), "project", "demo")["result"][0]
    assert result["releases"] == [] and "lists no file" in result["absent"]


def test_a_name_nobody_has(server):
    result = run(f"--index={server.url.replace('//', '//user:secret@')}/simple/", "project", "none")["result"][0]
    assert result["releases"] == []
    assert result["absent"] == f"no index has a distribution named none (asked: {server.url}/simple/)"


# ---- strategies

def two(server):
    for path, versions in (("/one", ["1.0"]), ("/two", ["1.0", "2.0"])):
        server.add(f"{path}/simple/demo/", page([entry(f"demo-{v}-{TAG}.whl", path.encode()) for v in versions]))
    return index_of(server, "/one"), index_of(server, "/two")


def test_the_first_index_with_the_name_counts(server):
    one, two_ = two(server)
    result = run(one, two_, "project", "demo")["result"][0]
    assert [r["version"] for r in result["releases"]] == ["1.0"]
    assert result["index"] == f"{server.url}/one/simple/"
    elsewhere = run(one, two_, "elsewhere", "demo")["result"]
    assert [r["version"] for r in elsewhere["releases"]] == ["2.0", "1.0"]


def test_best_takes_from_all(server):
    result = run(*two(server), "--best", "project", "demo")["result"][0]
    assert [(r["version"], r["index"].split("/")[3]) for r in result["releases"]] == [("2.0", "two"), ("1.0", "one")]


def test_an_index_before_it_that_fails_is_an_error_and_one_behind_is_not(server):
    two(server)
    server.add("/bad/simple/demo/", Answer(status=403))
    bad, two_ = index_of(server, "/bad"), index_of(server, "/two")
    assert "wants credentials" in run(bad, two_, "project", "demo")["result"][0]["text"]
    assert len(run(two_, bad, "project", "demo")["result"][0]["releases"]) == 2


def test_find_links_stand_beside_the_index(server, tmp_path):
    two(server)
    data, _ = wheel("demo", "1.5", ["x"])
    (tmp_path / f"demo-1.5-{TAG}.whl").write_bytes(data)
    (tmp_path / f"demo-1.0-{TAG}.whl").write_bytes(data)
    (tmp_path / "demo-0.1.tar.gz").write_bytes(b"")
    server.add("/links.html", page([entry(f"demo-3.0-{TAG}.whl"), entry(f"else-3.0-{TAG}.whl")], html=True))
    args = index_of(server, "/one"), f"--find-links={tmp_path}", f"--find-links={server.url}/links.html"
    releases = run(*args, "project", "demo")["result"][0]["releases"]
    assert [(r["version"], r["source"]) for r in releases] == [
        ("3.0", "find-links"), ("1.5", "find-links"), ("1.0", "find-links"), ("0.1", None)]
    alone = run(f"--find-links={tmp_path.as_uri()}", "metadata", "demo", "1.5")
    assert alone["result"]["requires"] == ["x"] and not alone["network"]
    at_home = run(f"--find-links=~/{tmp_path.name}", "project", "demo", home=tmp_path.parent)["result"][0]
    assert [r["version"] for r in at_home["releases"]] == ["1.5", "1.0", "0.1"]


# ---- metadata

def test_metadata_beside_the_wheel(server, tmp_path):
    data, metadata = wheel("demo", "1.0", ["other>=1"])
    filename = f"demo-1.0-{TAG}.whl"
    server.add("/simple/demo/", page([entry(filename, data, **{"core-metadata": {"sha256": sha256(metadata)}})]))
    server.add(f"/simple/demo/{filename}.metadata", Answer(body=metadata))
    args = index_of(server), f"--cache={tmp_path}/cache", "metadata", "demo", "1.0"
    result = run(*args)["result"]
    assert result["requires"] == ["other>=1"] and result["sha256"] == sha256(metadata)
    assert not server.asked(f"/simple/demo/{filename}")
    run(*args)
    assert len(server.asked(f"/simple/demo/{filename}.metadata")) == 1


def test_metadata_that_was_changed_is_refused(server):
    filename = f"demo-1.0-{TAG}.whl"
    server.add("/simple/demo/", page([entry(filename, **{"core-metadata": {"sha256": "0" * 64}})]))
    server.add(f"/simple/demo/{filename}.metadata", Answer(body=wheel("demo", "1.0")[1]))
    result = run(index_of(server), "metadata", "demo", "1.0")["result"]
    assert result["error"] == "input" and "0" * 64 in result["text"]


def test_metadata_of_another_wheel_is_refused(server):
    filename = f"demo-1.0-{TAG}.whl"
    server.add("/simple/demo/", page([entry(filename, **{"core-metadata": True})]))
    server.add(f"/simple/demo/{filename}.metadata", Answer(body=wheel("demo", "6.6.6")[1]))
    assert "says that it is demo 6.6.6" in run(index_of(server), "metadata", "demo", "1.0")["result"]["text"]


def test_metadata_by_range(server):
    data, _ = offer(server, padding=1_000_000)
    assert run(index_of(server), "metadata", "demo", "1.0")["result"]["requires"] == ["other>=1"]
    asked = server.asked(f"/files/demo-1.0-{TAG}.whl")
    assert [r.headers.get("range") for r in asked] == ["bytes=-67584"]
    assert asked[0].headers["accept-encoding"] == "identity"


def test_metadata_by_range_where_the_dist_info_comes_first(server):
    data, _ = wheel("demo", "1.0", ["first"], 1_000_000, dist_info_first=True)
    filename = f"demo-1.0-{TAG}.whl"
    server.add("/simple/demo/", page([entry(filename, data, size=len(data))]))
    server.add(f"/simple/demo/{filename}", Answer(body=data, ranges=True))
    assert run(index_of(server), "metadata", "demo", "1.0")["result"]["requires"] == ["first"]
    ranges = [r.headers["range"] for r in server.asked(f"/simple/demo/{filename}")]
    assert ranges[0] == f"bytes={len(data) - 67584}-{len(data) - 1}" and len(ranges) == 2


@pytest.mark.parametrize("answer", [
    lambda data: Answer(body=data),  # no ranges: the answer is the whole
    lambda data: lambda r: Answer(status=501) if "range" in r.headers else Answer(body=data),
    lambda data: lambda r: Answer(status=416) if "range" in r.headers else Answer(body=data),
    lambda data: lambda r: Answer(body=data[:9], status=206, headers={"Content-Range": "bytes 0-8/9999999"})
    if "range" in r.headers else Answer(body=data),
    lambda data: lambda r: Answer(body=data[:9], status=206) if "range" in r.headers else Answer(body=data),
])
def test_metadata_from_the_whole_wheel(server, answer, tmp_path):
    data, _ = offer(server, padding=1_000_000, answer=answer)
    assert run(index_of(server), "metadata", "demo", "1.0")["result"].get("requires") == ["other>=1"]


def test_metadata_that_is_announced_but_not_there(server):
    data, _ = offer(server, **{"core-metadata": True})
    assert run(index_of(server), "metadata", "demo", "1.0")["result"]["requires"] == ["other>=1"]


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06", b"no zip at all" * 100, wheel("other", "1.0")[0]])
def test_what_is_no_wheel(server, data):
    filename = f"demo-1.0-{TAG}.whl"
    server.add("/simple/demo/", page([entry(filename, data)]))
    server.add(f"/simple/demo/{filename}", Answer(body=data, ranges=True))
    result = run(index_of(server), "metadata", "demo", "1.0")["result"]
    assert result["error"] == "input" and filename in result["text"]


def test_metadata_of_a_url(server):
    data, _ = offer(server)
    url = f"{server.url}/files/demo-1.0-{TAG}.whl"
    assert run("url", f"{url}#sha256={sha256(data)}")["result"]["requires"] == ["other>=1"]
    assert "malformed digest" in run("url", f"{url}#sha256=12")["result"]["text"]


# ---- downloads and faults

def test_a_download_is_verified(server, tmp_path):
    data, _ = offer(server, padding=300_000)
    out = tmp_path / "out"
    assert run(index_of(server), "download", "demo", "1.0", out)["result"] == {"sha256": sha256(data)}
    assert out.read_bytes() == data
    server.add(f"/files/demo-1.0-{TAG}.whl", Answer(body=data[:-1] + b"x"))
    result = run(index_of(server), "download", "demo", "1.0", out)["result"]
    assert result["error"] == "input" and sha256(data) in result["text"]
    assert sha256(data[:-1] + b"x") in result["text"]


@pytest.mark.parametrize("algorithm", ["sha512", "md5"])
def test_other_digests_are_verified(server, tmp_path, algorithm):
    data, _ = wheel("demo", "1.0")
    filename = f"demo-1.0-{TAG}.whl"
    file = {"filename": filename, "url": filename, "hashes": {algorithm: hashlib.new(algorithm, data).hexdigest()}}
    server.add("/simple/demo/", page([file]))
    server.add(f"/simple/demo/{filename}", Answer(body=data), Answer(body=data + b"x"))
    args = index_of(server), "download", "demo", "1.0", tmp_path / "out"
    assert run(*args)["result"] == {"sha256": sha256(data)}
    assert algorithm in run(*args)["result"]["text"]


def test_a_broken_download_goes_on_where_it_broke(server, tmp_path):
    data, _ = offer(server, padding=300_000,
                    answer=lambda d: Answer(body=d, ranges=True, etag='"w"', cut=100_000))
    assert run(index_of(server), "download", "demo", "1.0", tmp_path / "out")["result"] == {"sha256": sha256(data)}
    asked = [r.headers for r in server.asked(f"/files/demo-1.0-{TAG}.whl")]
    assert len(asked) == 2
    assert asked[1]["range"] == "bytes=100000-" and asked[1]["if-range"] == '"w"'


@pytest.mark.parametrize("second", [
    lambda d: Answer(body=d, etag='"other"', ranges=True),  # changed meanwhile: If-Range does not match
    lambda d: Answer(body=d, etag='"w"'),  # knows no ranges
    lambda d: Answer(body=d[5:], status=206, headers={"Content-Range": f"bytes 5-{len(d) - 1}/{len(d)}"}),
    lambda d: Answer(status=416),
])
def test_a_broken_download_that_has_to_begin_anew(server, tmp_path, second):
    data, _ = offer(server, padding=300_000)
    server.add(f"/files/demo-1.0-{TAG}.whl", Answer(body=data, etag='"w"', cut=100_000), second(data),
               Answer(body=data))
    result = run(index_of(server), "download", "demo", "1.0", tmp_path / "out")["result"]
    assert result == {"sha256": sha256(data)}
    assert (tmp_path / "out").read_bytes() == data


def test_a_download_that_never_comes_whole(server, tmp_path):
    offer(server, answer=lambda d: Answer(body=d, cut=10))
    result = run(index_of(server), "download", "demo", "1.0", tmp_path / "out")["result"]
    assert result["error"] == "unavailable" and "did not come whole" in result["text"]
    assert len(server.asked(f"/files/demo-1.0-{TAG}.whl")) == 3


def test_a_length_that_lies(server, tmp_path):
    offer(server, answer=lambda d: Answer(body=d, length=len(d) + 10))
    assert run(index_of(server), "download", "demo", "1.0", tmp_path / "out")["result"]["error"] == "unavailable"
    offer(server, answer=lambda d: Answer(body=d, length=len(d) - 10))
    assert run(index_of(server), "download", "demo", "1.0", tmp_path / "out")["result"]["error"] == "input"


def test_a_file_that_is_listed_but_gone(server, tmp_path):
    offer(server, answer=lambda d: Answer(status=404))
    result = run(index_of(server), "download", "demo", "1.0", tmp_path / "out")["result"]
    assert result["error"] == "input" and "is not there (404)" in result["text"]


def test_a_full_disk_is_a_fault_of_the_system(server):
    offer(server)
    result = run(index_of(server), "download", "demo", "1.0", "/dev/full")["result"]
    assert result["error"] == "system" and "No space left" in result["text"]


@pytest.mark.parametrize("fault", [
    Answer(status=503), Answer(status=500), Answer(status=429, headers={"Retry-After": "1"}), Answer(drop=True),
    Answer(body=b"{", length=100), Answer(garbage=True, body=b""),
])
def test_passing_faults_are_tried_again(server, fault):
    offer(server)
    good = server.answers["/simple/demo/"][0]
    server.add("/simple/demo/", fault, good)
    assert len(run(index_of(server), "project", "demo")["result"][0]["releases"]) == 1
    assert len(server.asked("/simple/demo/")) == 2


def test_retries_end(server):
    server.add("/simple/demo/", Answer(status=502))
    result = run(index_of(server), "--retries=1", "project", "demo")["result"][0]
    assert result["error"] == "unavailable" and "502" in result["text"]
    assert len(server.asked("/simple/demo/")) == 2


def test_nobody_is_waited_for_too_long(server):
    for status, value, seconds in ((429, "3600", "3600"), (503, "31", "31"), (503, formatdate(time.time() + 3600, usegmt=True), r"3[56]\d\d")):
        server.requests.clear()
        server.add("/simple/demo/", Answer(status=status, headers={"Retry-After": value}))
        result = run(index_of(server), "project", "demo")["result"][0]
        assert result["error"] == "unavailable" and re.search(rf"patience \({status}, for {seconds} s\), also after 1 try", result["text"]), result
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("date", [False, True])
def test_a_server_gets_the_time_that_it_asks_for(server, status, date):
    offer(server)
    good = server.answers["/simple/demo/"][0]
    until = []

    def refuse(request):
        until.append(int(request.at) + 2 if date else request.at + 1)
        return Answer(status=status, headers={"Retry-After": formatdate(until[0], usegmt=True) if date else "1"})

    server.add("/simple/demo/", refuse, good)
    assert len(run(index_of(server), "project", "demo")["result"][0]["releases"]) == 1
    assert server.asked("/simple/demo/")[1].at >= until[0]


@pytest.mark.parametrize("value", ["0", "-5", "soon", "", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_time_that_is_none_does_not_change_the_tries(server, value):
    server.add("/simple/demo/", Answer(status=503, headers={"Retry-After": value}))
    out = run(index_of(server), "project", "demo")
    assert out["result"][0]["error"] == "unavailable" and "503" in out["result"][0]["text"]
    assert len(server.asked("/simple/demo/")) == 3


def test_a_retry_holds_up_nobody(server):
    """The first waits for its second try until the second has been answered, which shows that it went on."""
    answered = threading.Event()

    def second(_):
        answered.set()
        return Answer(body=b"two")

    server.add("/one", Answer(status=503, headers={"Retry-After": "1"}),
               lambda r: Answer(body=b"one" if answered.is_set() else b""))
    server.add("/two", second)
    result = run("get", f"{server.url}/one", f"{server.url}/two")["result"]
    assert [r["length"] for r in result] == [3, 3]


@pytest.mark.parametrize("where", ["wait", "wait_body"])
def test_silence_ends(server, where):
    event = threading.Event()
    server.add("/simple/demo/", Answer(body=b"x" * 100, **{where: event}))
    try:
        out = run(index_of(server), "--timeout=1", "--retries=0", "project", "demo")
    finally:
        event.set()
    assert out["result"][0]["error"] == "unavailable" and "PIP_DEFAULT_TIMEOUT" in out["result"][0]["text"]
    assert out["ms"] < 10_000


def paced(pace):
    return lambda data: Answer(body=data, pace=pace, ranges=True)


@pytest.mark.parametrize("where", ["page", "file", "headers"])
def test_trickling_ends_as_silence_does(server, tmp_path, where):
    """20 bytes a second, for more than a minute."""
    offer(server, padding=5000, answer=paced(1) if where == "file" else None)
    if where != "file":
        server.add("/simple/demo/", Answer(body=b"x" * 3000, type="text/html", pace=1, pace_head=where == "headers",
                                           headers={"Padding": "x" * 1500}))
    out = run(index_of(server), "--timeout=1", "--retries=0", "download", "demo", "1.0", tmp_path / "out")
    assert out["result"]["error"] == "unavailable" and "PIP_DEFAULT_TIMEOUT" in out["result"]["text"], out
    assert out["ms"] < 30_000


@pytest.mark.parametrize("where", ["page", "file"])
def test_what_is_slow_but_comes_is_waited_for(server, tmp_path, where):
    """2000 bytes a second, for longer than silence is waited for."""
    data, _ = offer(server, padding=14_000, answer=paced(100) if where == "file" else None)
    if where == "page":
        filename = f"demo-1.0-{TAG}.whl"
        slow = page([entry(filename, data, url=f"{server.url}/files/{filename}"), *(entry(f"demo-0.{i}.zip") for i in range(90))])
        server.add("/simple/demo/", replace(slow, pace=100))
    out = run(index_of(server), "--timeout=1", "--retries=0", "download", "demo", "1.0", tmp_path / "out")
    assert out["result"] == {"sha256": sha256(data)}
    assert out["ms"] > 3000


def test_no_server_has_answered():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        url = f"http://127.0.0.1:{s.getsockname()[1]}/simple/"
        out = run(f"--index={url}", "--timeout=60", "--no-answer=1", "project", "demo", "other")
    assert all("no server has answered for 1 s" in r["text"] for r in out["result"])
    assert out["ms"] < 30_000


def test_nobody_listens():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{s.getsockname()[1]}/simple/"
        result = run(f"--index={url}", "--retries=1", "project", "demo")["result"][0]
    assert result["error"] == "unavailable" and url in result["text"] and "2 tries" in result["text"]


# ---- redirects, credentials, trust

def test_redirects_are_followed_and_links_are_relative_to_where_they_lead(server):
    offer(server)
    server.add("/simple/demo/", Answer(status=301, headers={"Location": "/b/demo"}))
    server.add("/b/demo", Answer(status=308, headers={"Location": "demo/"}))
    server.add("/b/demo/", page([entry(f"demo-1.0-{TAG}.whl", url=f"../../files/demo-1.0-{TAG}.whl")]))
    assert run(index_of(server), "metadata", "demo", "1.0")["result"]["requires"] == ["other>=1"]


@pytest.mark.parametrize("location, text", [
    ("/simple/demo/", "more than 10 times"), ("file:///etc/passwd", "no http or https URL"),
    ("ftp://127.0.0.1/", "no http or https URL"), ("http://", "no http or https URL"),
])
def test_redirects_that_lead_nowhere(server, location, text):
    server.add("/simple/demo/", Answer(status=302, headers={"Location": location}))
    result = run(index_of(server), "project", "demo")["result"][0]
    assert result["error"] == "input" and text in result["text"]
    assert len(server.requests) <= 11


def credentials(request):
    return request.headers.get("authorization")


def test_credentials_go_to_their_host_alone(server):
    offer(server)
    with FaultServer() as other:
        offer(other, "demo")
        other.add("/simple/demo/", page([
            entry(f"demo-1.0-{TAG}.whl", url=f"{other.url}/files/demo-1.0-{TAG}.whl")]))
        server.add("/simple/demo/", Answer(status=302, headers={"Location": "/moved/demo/"}))
        server.add("/moved/demo/", Answer(status=302, headers={"Location": f"{other.url}/simple/demo/"}))
        index = f"--index={server.url.replace('//', '//us%65r:s%40crt@')}/simple/"
        assert run(index, "metadata", "demo", "1.0")["result"]["requires"] == ["other>=1"]
        assert {credentials(r) for r in server.requests} == {"Basic dXNlcjpzQGNydA=="}
        assert {credentials(r) for r in other.requests} == {None}


def test_credentials_of_the_index_are_used_for_its_files_and_never_shown(server):
    offer(server)
    index = f"--index={server.url.replace('//', '//user:s3cret@')}/simple/"
    out = run(index, "--debug", "metadata", "demo", "1.0")
    assert {credentials(r) for r in server.requests} == {"Basic dXNlcjpzM2NyZXQ="}
    server.add("/simple/demo/", Answer(status=401))
    denied = run(index, "--debug", "project", "demo")
    assert "wants credentials other than those" in denied["result"][0]["text"]
    assert "s3cret" not in json.dumps([out, denied])


def test_netrc(server, tmp_path):
    offer(server)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password it\n")
    run(index_of(server), "project", "demo", home=tmp_path)
    assert credentials(server.requests[0]) == "Basic bWU6aXQ="


def test_http_elsewhere_needs_trust():
    result = run("--index=http://index.invalid/simple/", "project", "demo")["result"][0]
    assert result["error"] == "input" and "PIP_TRUSTED_HOST=index.invalid" in result["text"]


def test_a_proxy_is_used(server):
    server.add("http://index.invalid/simple/demo/", page([entry(f"demo-1.0-{TAG}.whl")]))
    args = "--index=http://index.invalid/simple/", "--trusted=index.invalid", "project", "demo"
    for more, env in ((["--proxy=" + server.url], {}), ([], {"HTTP_PROXY": server.url}),
                      ([], {"http_proxy": server.url})):
        assert len(run(*more, *args, env=env)["result"][0]["releases"]) == 1
    out = run("--retries=0", *args, env={"HTTP_PROXY": server.url, "NO_PROXY": "index.invalid"})
    assert out["result"][0]["error"] == "unavailable"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "authority", "an authority")


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue("server")


def test_certificates_are_verified(authority, certificate, tmp_path):
    crt = authority.certificate
    shutil.copy(crt, tmp_path / "ca.pem")
    subprocess.run(["openssl", "rehash", tmp_path], check=True)
    with FaultServer(certificate) as server:
        offer(server)
        refused = run(index_of(server), "project", "demo")["result"][0]
        assert refused["error"] == "unavailable"
        assert "PIP_CERT" in refused["text"] and "PIP_TRUSTED_HOST=127.0.0.1" in refused["text"]
        for args, env in (([f"--ca={crt}"], {}), ([f"--ca={tmp_path}"], {}), ([], {"SSL_CERT_FILE": str(crt)}),
                          ([], {"SSL_CERT_DIR": str(tmp_path)}), ([], {"REQUESTS_CA_BUNDLE": str(crt)}),
                          (["--trusted=127.0.0.1"], {}), ([f"--trusted=127.0.0.1:{server.port}"], {})):
            assert "releases" in run(*args, index_of(server), "project", "demo", env=env)["result"][0], (args, env)
        assert "error" in run(f"--trusted=127.0.0.1:{server.port + 1}", index_of(server), "project",
                              "demo")["result"][0]


def test_trust_ends_where_a_redirect_leads_elsewhere(certificate):
    with FaultServer(certificate) as trusted, FaultServer(certificate) as other, FaultServer() as plain:
        offer(other)
        trusted.add("/simple/demo/", Answer(status=302, headers={"Location": f"{other.url}/simple/demo/"}))
        args = f"--trusted=127.0.0.1:{trusted.port}", index_of(trusted), "project", "demo"
        assert "not trusted" in run(*args)["result"][0]["text"]
        trusted.add("/simple/demo/", Answer(status=302, headers={"Location": f"{plain.url}/simple/demo/"}))
        assert "not encrypted" in run(*args)["result"][0]["text"]
        assert plain.requests == []


# ---- cache and offline

def test_a_page_serves_again_without_asking_while_it_is_fresh(server, tmp_path):
    offer(server)
    answer = server.answers["/simple/demo/"][0]
    answer.etag, answer.headers = '"1"', {"Cache-Control": "max-age=600, public"}
    args = index_of(server), f"--cache={tmp_path}"
    first = run(*args, "project", "demo")
    again = run(*args, "project", "demo")
    assert again["result"][0]["releases"] == first["result"][0]["releases"]
    assert not again["network"] and not again["result"][0]["from_network"]
    run(*args, "--refresh", "project", "demo")
    asked = server.asked("/simple/demo/")
    assert len(asked) == 2 and asked[1].headers["if-none-match"] == '"1"'


def test_a_page_that_is_not_fresh_is_asked_about(server, tmp_path):
    offer(server)
    server.answers["/simple/demo/"][0].etag = '"1"'
    args = index_of(server), f"--cache={tmp_path}", "project", "demo"
    first, again = run(*args), run(*args)
    assert again["result"][0]["releases"] == first["result"][0]["releases"]
    assert server.asked("/simple/demo/")[1].headers["if-none-match"] == '"1"'
    server.add("/simple/demo/", page([], etag='"2"'))
    assert run(*args)["result"][0]["releases"] == []


def test_a_stale_page_serves_when_the_network_does_not(server, tmp_path):
    offer(server)
    args = index_of(server), f"--cache={tmp_path}"
    run(*args, "project", "demo")
    server.add("/simple/demo/", Answer(status=503))
    out = run(*args, "--retries=0", "project", "demo")
    assert len(out["result"][0]["releases"]) == 1
    assert "warning" in out["stderr"] and "using the page kept on" in out["stderr"]


def test_offline(server, tmp_path):
    offer(server)
    args = f"--index={server.url}/none/simple/", index_of(server), f"--cache={tmp_path}"
    run(*args, "metadata", "demo", "1.0")
    asked = len(server.requests)
    out = run(*args, "--offline", "metadata", "demo", "1.0")
    assert out["result"]["requires"] == ["other>=1"] and not out["network"] and "warning" not in out["stderr"]
    refused = run(*args, "--offline", "project", "unknown")["result"][0]
    assert refused["error"] == "unavailable" and "EXTENSION_OFFLINE" in refused["text"]
    assert len(server.requests) == asked


def test_credentials_are_not_kept(server, tmp_path):
    offer(server)
    run(f"--index={server.url.replace('//', '//user:s3cret@')}/simple/", f"--cache={tmp_path}", "metadata", "demo", "1.0")
    kept = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(kept) == 2
    assert all(b"s3cret" not in p.read_bytes() for p in kept)


def pages_in(cache):
    return [path for path in (cache / "pages").iterdir()]


@pytest.mark.parametrize("html", [False, True])
def test_the_parsed_form_of_a_page_is_kept(server, tmp_path, html):
    """All that a page says, for whichever interpreter; what comes from the cache is what came from the server."""
    files = [entry("demo-1.0-py3-none-any.whl"), entry("demo-2.0-cp39-cp39-win_amd64.whl"), entry("demo-3.0.tar.gz"),
             {**entry("demo-4.0-py3-none-any.whl", url="../../files/demo-4.0-py3-none-any.whl"), "core-metadata": True},
             {**entry("demo-5.0-py3-none-any.whl"), "yanked": "bad", "requires-python": ">=3.8"}]
    server.add("/simple/demo/", page(files, html=html, headers={"Cache-Control": "max-age=600"}))
    args = index_of(server), f"--cache={tmp_path}", "project", "demo"
    first, again = run(*args), run(*args)
    assert first["result"][0].pop("from_network") and not again["result"][0].pop("from_network")
    assert again["result"] == first["result"] and len(first["result"][0]["releases"]) == 5
    kept, = pages_in(tmp_path)
    assert b"win_amd64" in kept.read_bytes() and b"filename" not in kept.read_bytes() and b"<a" not in kept.read_bytes()


def test_what_a_server_confirms_is_read_in_its_parsed_form(server, tmp_path):
    offer(server)
    server.answers["/simple/demo/"][0].etag = '"1"'
    args = index_of(server), f"--cache={tmp_path}", "project", "demo"
    first = run(*args)
    kept, = pages_in(tmp_path)
    os.utime(kept, (1, 1))
    before = kept.read_bytes()
    assert run(*args)["result"] == first["result"]
    assert kept.read_bytes() == before and kept.stat().st_mtime > 1


def test_pages_that_an_earlier_version_kept_serve_still(server, tmp_path):
    data, _ = offer(server)
    server.answers["/simple/demo/"][0].etag = '"1"'
    args = index_of(server), f"--cache={tmp_path}"
    first = run(*args, "project", "demo")["result"][0]["releases"]
    kept, = pages_in(tmp_path)
    body = server.answers["/simple/demo/"][0].body
    old = (f"localstack index page 1\nstatus: 200\nfresh: 0\nurl: {server.url}/simple/demo/\netag: \"1\"\n"
           f"content-type: application/vnd.pypi.simple.v1+json\n\n").encode() + body
    kept.write_bytes(old)
    assert run(*args, "--offline", "project", "demo")["result"][0]["releases"] == first
    assert kept.read_bytes() == old
    assert run(*args, "project", "demo")["result"][0]["releases"] == first  # it comes as a whole, and is kept as now
    assert "if-none-match" not in server.asked("/simple/demo/")[-1].headers
    assert kept.read_bytes().startswith(b"localstack index page 2 ")


@pytest.mark.parametrize("damage", [lambda page: page[:-1], lambda page: page + b"x", lambda page: page.replace(b"demo-1.0", b"demo-6.0"),
                                    lambda page: page.replace(b"status: 200", b"status: 404")])
def test_a_damaged_page_in_the_cache_is_not_believed(server, tmp_path, damage):
    offer(server)
    server.answers["/simple/demo/"][0].headers = {"Cache-Control": "max-age=600"}
    args = index_of(server), f"--cache={tmp_path}"
    first = run(*args, "project", "demo")["result"][0]["releases"]
    kept, = pages_in(tmp_path)
    kept.write_bytes(damage(kept.read_bytes()))
    assert run(*args, "--offline", "project", "demo")["result"][0]["error"] == "unavailable"
    assert run(*args, "project", "demo")["result"][0]["releases"] == first
    assert run(*args, "--offline", "project", "demo")["result"][0]["releases"] == first


@pytest.mark.parametrize("damage", [b"", b"junk", b"localstack index page 1\nstatus: 200\nfresh: 600\nurl: x\n",
                                    b"localstack index page 1\nstatus: 200\nfresh: 600\nurl: x\n\n{",
                                    b"localstack index page 2 00000000\nstatus: 200\nfresh: 600\nurl: x\n\n"])
def test_a_damaged_cache_costs_nothing_but_time(server, tmp_path, damage):
    offer(server)
    server.answers["/simple/demo/"][0].headers = {"Cache-Control": "max-age=600"}
    args = index_of(server), f"--cache={tmp_path}", "metadata", "demo", "1.0"
    run(*args)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.write_bytes(damage)
    assert run(*args)["result"].get("requires") == ["other>=1"]


def test_pages_of_the_cache_that_are_too_much_together(server, tmp_path):
    """They are not taken for broken, and not asked for again."""
    names = "crowd", "swarm"
    for name in names:
        files = ",".join(f'{{"url":"{name}-{number}-py3-none-any.whl"}}' for number in range(100_000))
        server.add(f"/simple/{name}/", Answer(body=f'{{"files":[{files}]}}'.encode(), type="application/vnd.pypi.simple.v1+json",
                                              headers={"Cache-Control": "max-age=600"}))
        assert len(run(index_of(server), f"--cache={tmp_path}", "project", name)["result"][0]["releases"]) == 100_000
    first, second = run(index_of(server), f"--cache={tmp_path}", "--offline", "project", *names)["result"]
    assert len(first["releases"]) == 100_000
    assert second["error"] == "input" and "takes more than 96 MiB of memory already" in second["text"]


def test_a_cache_that_cannot_be_written_is_a_warning(server, tmp_path):
    offer(server)
    (tmp_path / "file").write_text("")
    out = run(index_of(server), f"--cache={tmp_path}/file", "metadata", "demo", "1.0")
    assert out["result"]["requires"] == ["other>=1"]
    assert out["stderr"].count("warning") == 1


# ---- many at once

def test_many_pages_over_few_connections(server):
    names = [f"demo{i}" for i in range(40)]
    for name in names:
        offer(server, name)
    out = run(index_of(server), "project", *names)
    assert all(len(p["releases"]) == 1 for p in out["result"])
