# SPDX-License-Identifier: Apache-2.0
"""Indexes behind certificates and proxies, as users have them: nginx over TLS with HTTP/2, tinyproxy."""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading
import urllib.parse

import pytest

from conftest import LONG
from fault_server import Answer, FaultServer
from servers import Authority, Pypiserver, Tinyproxy
from wheels import make_wheel

PASSWORD = "s3cret-of-the-proxy"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority", "the company")


def offer(root, workshop):
    for number in range(8):
        workshop.add(f"lib{number}", "1.0")
    workshop.add("app", "1.0", [f"lib{number}" for number in range(8)])
    root.env["EXTENSION_AUTO_INSTALL"] = "app"


def complete(root):
    return root.installed() == {"app": "1.0", **{f"lib{number}": "1.0" for number in range(8)}}


@pytest.fixture
def secure(root, workshop, authority):
    offer(root, workshop)
    server = workshop.serve(tls=authority)
    root.env["PIP_INDEX_URL"] = server.url
    return server


def again(root):
    for part in ("lib", "cache"):
        shutil.rmtree(root.volume / part, ignore_errors=True)


def test_a_private_authority_by_each_way_to_name_it(root, secure, authority, tmp_path):
    refused = root.run("sync")
    assert refused.status == 1 and "PIP_CERT" in refused.err and "PIP_TRUSTED_HOST=127.0.0.1" in refused.err, refused
    folder = tmp_path / "hashed"
    folder.mkdir()
    shutil.copy(authority.certificate, folder)
    subprocess.run(["openssl", "rehash", folder], check=True)
    conf = tmp_path / "pip.conf"
    conf.write_text(f"[global]\ncert = {authority.certificate}\n")
    for env in ({"PIP_CERT": authority.certificate}, {"PIP_CERT": folder}, {"SSL_CERT_FILE": authority.certificate},
                {"SSL_CERT_DIR": folder}, {"REQUESTS_CA_BUNDLE": authority.certificate}, {"CURL_CA_BUNDLE": authority.certificate},
                {"PIP_CONFIG_FILE": conf}, {"PIP_TRUSTED_HOST": "127.0.0.1"}):
        again(root)
        done = root.run("sync", env=env)
        assert done.status == 0 and complete(root), (env, done)


def test_many_requests_share_one_connection(root, secure, authority):
    root.sync(PIP_CERT=authority.certificate)
    seen = secure.connections()
    assert len(seen) >= 9 + 9 + 9 and {protocol for protocol, _ in seen} == {"HTTP/2.0"}
    assert len({connection for _, connection in seen}) == 1


def test_a_client_certificate(root, workshop, authority, tmp_path):
    offer(root, workshop)
    members = Authority(tmp_path / "members", "the members")
    server = workshop.serve(tls=authority, clients=members)
    root.env.update(PIP_INDEX_URL=server.url, PIP_CERT=str(authority.certificate))
    strangers = Authority(tmp_path / "strangers", "somebody else")
    for env in ({}, {"PIP_CLIENT_CERT": strangers.issue("stranger")}):
        done = root.run("sync", env=env)
        assert done.status == 1 and not root.installed() and "PIP_CLIENT_CERT" in done.err, done
    done = root.run("sync", env={"PIP_CLIENT_CERT": tmp_path / "nowhere.pem"})
    assert done.status == 1 and "PIP_CLIENT_CERT" in done.err, done
    root.sync(PIP_CLIENT_CERT=members.issue("member"))
    assert complete(root)


@pytest.fixture(params=[None, PASSWORD], ids=["open", "password"])
def proxy(request, tmp_path):
    server = Tinyproxy(tmp_path / "proxy", request.param)
    server.url = f"http://user:{request.param}@{server.address}" if request.param else f"http://{server.address}"
    server.wants_password = bool(request.param)
    yield server
    server.stop()


def everything_written(root):
    return b"".join(p.read_bytes() for p in root.volume.rglob("*") if p.is_file() and not p.is_symlink())


@pytest.mark.parametrize("variable", ["PIP_PROXY", "HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_http_through_a_proxy(root, index, proxy, variable):
    offer(root, index)
    done = root.sync("-v", **{variable: proxy.url})
    assert complete(root)
    asked = proxy.requests()
    assert len(asked) >= len(index.server.requests()) and all(line.startswith("GET http://127.0.0.1:") for line in asked), asked
    assert PASSWORD not in done.err and PASSWORD.encode() not in everything_written(root)


@pytest.mark.parametrize("boot", [False, True], ids=["command", "boot"])
def test_proxies_and_authorities_with_the_prefix(root, secure, authority, proxy, tmp_path, boot):
    """LOCALSTACK_X stands for any X and wins over it, whether the entrypoint came first or `docker exec` runs the command."""
    nowhere = "http://127.0.0.1:9"
    other = Authority(tmp_path / "other", "another company").certificate
    folder = tmp_path / "hashed"
    folder.mkdir()
    shutil.copy(authority.certificate, folder)
    subprocess.run(["openssl", "rehash", folder], check=True)

    def sync(**env):
        again(root)
        done = root.boot("true", env=env) if boot else root.run("sync", env=env)
        assert done.status == 0 and complete(root), (env, done)

    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        sync(**{f"LOCALSTACK_{name}": authority.certificate, name: other})
    sync(LOCALSTACK_SSL_CERT_DIR=folder)
    root.env["PIP_CERT"] = str(authority.certificate)
    sync(LOCALSTACK_NO_PROXY="127.0.0.1", HTTPS_PROXY=nowhere)
    assert not proxy.requests()
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        before = len(proxy.requests())
        sync(**{f"LOCALSTACK_{name}": proxy.url, name: nowhere})
        assert len(proxy.requests()) > before


@pytest.mark.parametrize("variable", ["PIP_PROXY", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_https_through_a_proxy(root, secure, authority, proxy, variable):
    done = root.sync("-v", PIP_CERT=authority.certificate, **{variable: proxy.url})
    assert complete(root)
    assert proxy.requests() and all(line.startswith("CONNECT 127.0.0.1:") for line in proxy.requests())
    assert PASSWORD not in done.err and PASSWORD.encode() not in everything_written(root)


@pytest.mark.parametrize("exempt", ["127.0.0.1", "*", "example.org,127.0.0.1"])
def test_no_proxy_goes_around_it(root, index, proxy, exempt):
    offer(root, index)
    root.sync(HTTP_PROXY=proxy.url, NO_PROXY=exempt)
    assert complete(root) and proxy.requests() == []


@pytest.mark.parametrize("exempt", ["127.0.0.1", "*"])
def test_no_proxy_does_not_go_around_pips_own(root, index, proxy, tmp_path, exempt):
    index.add("app", "1.0")
    root.env.update(EXTENSION_AUTO_INSTALL="app", NO_PROXY=exempt)
    conf = tmp_path / "pip.conf"
    conf.write_text(f"[global]\nproxy = {proxy.url}\n")
    for env in ({"PIP_PROXY": proxy.url}, {"PIP_CONFIG_FILE": conf}):
        again(root)
        before = len(proxy.requests())
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-cache-dir", "-d", tmp_path / "pips", "app"],
                       check=True, env=root.environment(env), timeout=LONG)
        by_pip = len(proxy.requests())
        assert by_pip > before, "pip itself went around the proxy"
        root.sync(**env)
        assert root.installed() == {"app": "1.0"} and len(proxy.requests()) > by_pip
    assert len(proxy.requests()) >= len(index.server.requests())


# ---- an index that does not answer never lets the next one have its names

@pytest.fixture
def stranger(root, index):
    """The last index has what the private one has too, in a newer version, and what needs it."""
    index.add("private", "99.0", files={"private.py": "stranger = True\n"})
    index.add("app", "1.0", ["private"])
    root.env["EXTENSION_AUTO_INSTALL"] = "app,private"
    return index


@contextlib.contextmanager
def failing_index(how, certificate):
    event = threading.Event()
    answers = {
        "silent": Answer(wait=event), "silent after the headers": Answer(body=b"x", wait_body=event), "dropped": Answer(drop=True),
        "garbage": Answer(body=b"\0\0\0", garbage=True), "500": Answer(status=500), "503": Answer(status=503), "401": Answer(status=401),
        "403": Answer(status=403), "429": Answer(status=429), "a portal": Answer(body=b"<html><body>log in</body></html>", type="text/html"),
        "another portal": Answer(body=b"log in", type="text/plain"), "cut": Answer(body=b'{"files": []}', cut=5),
        "to nowhere": Answer(status=302, headers={"Location": "http://127.0.0.1:1/"}),
        "no name": None, "refused": None, "unknown certificate": None,
    }
    with socket.socket() as unused, FaultServer(certificate) as server:
        unused.bind(("127.0.0.1", 0))
        for name in ("app", "private"):
            server.add(f"/simple/{name}/", answers[how] or Answer(status=404))
        try:
            yield {"no name": "https://nobody.invalid/simple/",
                   "refused": f"http://127.0.0.1:{unused.getsockname()[1]}/simple/"}.get(how, f"{server.url}/simple/")
        finally:
            event.set()


@pytest.mark.parametrize("how", ["silent", "silent after the headers", "dropped", "garbage", "500", "503", "401", "403", "429", "a portal",
                                 "another portal", "cut", "to nowhere", "no name", "refused", "unknown certificate"])
@pytest.mark.parametrize("before", [False, True])
def test_a_name_does_not_come_from_the_next_index(request, root, stranger, how, before):
    """Whether it is the first of the extra indexes or one behind another that is well and does not have the name."""
    certificate = request.getfixturevalue("authority").issue("index") if how == "unknown certificate" else None
    with failing_index(how, certificate) as url, FaultServer() as well:
        root.env.update(PIP_EXTRA_INDEX_URL=f"{well.url}/simple/ {url}" if before else f"{url} {well.url}/simple/", PIP_TIMEOUT="1")
        done = root.sync(status=1)
    assert root.installed() == {} and not [r for r in stranger.server.requests() if "/files/" in r], done
    for name in ("app", "private"):
        assert re.search(rf"{name} \(EXTENSION_AUTO_INSTALL\) is set aside: .*{re.escape(url)}", done.err), done


def test_that_an_index_had_no_such_name_once_does_not_count_while_it_does_not_answer(root, stranger):
    with FaultServer() as private:
        private.add("/simple/private/", Answer(status=404))
        root.env.update(PIP_EXTRA_INDEX_URL=f"{private.url}/simple/")
        root.sync(status=0, EXTENSION_AUTO_INSTALL="app")
        shutil.rmtree(root.extensions)
        private.add("/simple/private/", Answer(status=503))
        done = root.sync(status=1)
        assert root.installed() == {} and f"{private.url}/simple/private/ fails with status 503" in done.err, done
        # Without any network what is kept is all there is.
        root.sync(EXTENSION_OFFLINE="1")
        assert root.installed() == {"app": "1.0", "private": "99.0"}


@pytest.mark.parametrize("boot", [False, True])
def test_a_server_that_asks_for_more_time_than_is_left_is_not_waited_for(root, index, boot):
    index.add("good", "1")
    with FaultServer() as busy:
        busy.add("/simple/late/", Answer(status=503, headers={"Retry-After": "28"}))
        root.env.update(PIP_EXTRA_INDEX_URL=f"{busy.url}/simple/", EXTENSION_AUTO_INSTALL="late,good", PIP_RETRIES="3")
        if boot:
            done = root.boot("echo", "booted", env={"EXTENSION_SYNC_TIMEOUT": "25"})
            assert done.status == 0 and done.out == "booted\n", done
        else:
            done = root.sync("--timeout", "25", status=1)
        assert "asks for patience (503, for 28 s), also after 1 try" in done.err, done
        assert len(busy.asked("/simple/late/")) == 1
    assert root.installed() == {"good": "1"}


def test_a_proxy_that_wants_a_password(root, index, secure, authority, tmp_path):
    offer(root, index)
    server = Tinyproxy(tmp_path / "closed", PASSWORD)
    root.env["PIP_RETRIES"] = "3"
    try:
        for url in (secure.url, index.server.url):
            done = root.run("sync", "-v", env={"PIP_INDEX_URL": url, "PIP_CERT": authority.certificate,
                                               "PIP_PROXY": f"http://user:wrong-word@{server.address}"})
            assert done.status == 1 and "credentials" in done.err, done
            # tinyproxy answers plain requests itself, with a status that says nothing of a proxy.
            assert url == index.server.url or re.search("the proxy between here and .* wants credentials .* PIP_PROXY", done.err), done
            assert "wrong-word" not in done.err and b"wrong-word" not in everything_written(root)
    finally:
        server.stop()


# ---- who has to know a password

OUTPUTS = (["plan", "--format", "json", "--upgrade"], ["plan", "--upgrade", "-v"], ["lock", "--upgrade"], ["list", "--format", "json"], ["tree"], ["why", "app"],
           ["sync", "--upgrade", "-v"])


def test_a_netrc_in_the_home_that_the_entrypoint_chose(root, workshop, tmp_path):
    """HOME as LOCALSTACK_HOME has it is of no use here: the rule is not applied a second time."""
    workshop.add("app", "1.0")
    server = workshop.run(Pypiserver(workshop.folder / "index/files", tmp_path / "pypiserver", PASSWORD))
    home = root.volume / f"tmp/home-{os.geteuid()}"
    home.mkdir(mode=0o700, parents=True)
    (home / ".netrc").write_text(f"machine 127.0.0.1 login user password {PASSWORD}\n")
    done = root.boot("true", env={"PIP_INDEX_URL": server.url, "EXTENSION_AUTO_INSTALL": "app", "LOCALSTACK_HOME": "/"})
    assert done.status == 0 and root.installed() == {"app": "1.0"}, done


@pytest.mark.parametrize("way", ["url", "netrc", "NETRC", "LOCALSTACK_NETRC"])
def test_pypiserver_with_a_password(root, workshop, tmp_path, way):
    password = "s3cret:of@the/index"
    workshop.add("lib", "1.0")
    workshop.add("app", "1.0", ["lib"])
    server = workshop.run(Pypiserver(workshop.folder / "index/files", tmp_path / "pypiserver", password))
    root.env.update(PIP_INDEX_URL=server.url, EXTENSION_AUTO_INSTALL="app")
    refused = root.sync(status=1)
    assert "wants credentials" in refused.err and "netrc" in refused.err, refused
    encoded = urllib.parse.quote(password, safe="")
    if way == "url":
        root.env["PIP_INDEX_URL"] = server.url.replace("//", f"//user:{encoded}@")
    else:
        netrc = tmp_path / "home/.netrc" if way == "netrc" else tmp_path / "elsewhere"
        netrc.write_text(f"machine 127.0.0.1 login user password {password}\n")
        netrc.chmod(0o600)
        if way.endswith("NETRC"):
            root.env[way] = str(netrc)
    said = [root.sync("-v")]
    assert root.installed() == {"app": "1.0", "lib": "1.0"}
    said += [root.run(*args) for args in OUTPUTS]
    assert all(done.status == 0 for done in said), said
    files = everything_written(root)
    for secret in (password, encoded):
        assert not any(secret in done.out + done.err for done in said), said
        assert secret.encode() not in files


def credentials(root, way, url, password):
    """Gives them to who is to use them, in one of the ways that pip knows."""
    with_password = url.replace("//", f"//user:{urllib.parse.quote(password, safe='')}@")
    conf, netrc = pathlib.Path(root.env["HOME"], ".config/pip/pip.conf"), pathlib.Path(root.env["HOME"], ".netrc")
    root.env["PIP_INDEX_URL"] = with_password if way == "url" else url
    if way == "pip.conf":
        conf.parent.mkdir(parents=True, exist_ok=True)
        conf.write_text(f"[global]\nindex-url = {with_password}\n")
        root.env.update(PIP_INDEX_URL="", PIP_CONFIG_FILE="")
    elif way == "netrc":
        netrc.write_text(f"machine 127.0.0.1 login user password {password}\n")
        netrc.chmod(0o600)


@pytest.mark.parametrize("way", ["url", "netrc", "pip.conf"])
def test_devpi_with_a_password(root, devpi, tmp_path, way):
    names = [f"{name}-{way.replace('.', '')}" for name in ("app", "lib")]
    devpi.upload(make_wheel(tmp_path / "w", names[1], "1.0"))
    devpi.upload(make_wheel(tmp_path / "w", names[0], "1.0", [names[1]]))
    root.env["EXTENSION_AUTO_INSTALL"] = names[0]
    wrong = "wr0ng/secret"
    credentials(root, way, devpi.closed_url, wrong)
    refused = root.sync("-v", status=1)
    lines = [line for line in refused.err.splitlines() if "error: " in line]
    told = ".netrc, which has none that it takes." if way == "netrc" else " wants credentials other than those in its URL (401)"
    assert len(lines) == 1 and f"{devpi.closed_url.split('//')[1]}{names[0]}/ wants credentials" in lines[0] and told in lines[0], refused
    credentials(root, way, devpi.closed_url, devpi.PASSWORD)
    said = [refused, root.sync("-v")]
    assert root.installed() == dict.fromkeys(names, "1.0")
    said += [root.run(*args) for args in (["plan", "--format", "json", "--upgrade"], ["lock"], ["doctor"])]
    assert all(done.status == 0 for done in said[1:]), said
    files = everything_written(root)
    for secret in (wrong, devpi.PASSWORD):
        for form in (secret, urllib.parse.quote(secret, safe="")):
            assert not any(form in done.out + done.err for done in said), said
            assert form.encode() not in files
