# SPDX-License-Identifier: Apache-2.0
"""localstack-extensions doctor: it says what is, also where everything is broken, and nothing of it is a secret."""

import json
import os
import re
import shutil
import subprocess

import pytest

from checks import demo_set
from servers import Authority, Nginx, free_port
from test_downloads import gate  # noqa: F401 (a fixture)

SECTIONS = ["system", "settings", "environment", "base", "files", "variables", "sources", "venv", "cache", "indexes", "check", "syncs", "lock-held-by", "next-boot", "problems"]
CANARY = "canary4711"


def doctor(root, *args, status=0, wrap=(), **env):
    done = root.run("doctor", "--format", "json", *args, env=env, wrap=wrap)
    assert done.status == status, done
    report = json.loads(done.out)
    assert list(report) == SECTIONS and bool(report["problems"]) == bool(status), done
    return report


def setting(report, key):
    row = next(row for row in report["settings"] if row["setting"] == key)
    return row["value"], row["from"]


def snapshot(root):
    """Everything below the root, but for the cache."""
    return {path: path.lstat().st_mtime_ns for path in root.folder.rglob("*") if "cache" not in path.parts}


def test_a_sound_installation(root, index):
    demo_set(index)
    root.env["EXTENSION_AUTO_INSTALL"] = "typed"
    root.sync()
    before = snapshot(root)
    report = doctor(root)
    assert snapshot(root) == before
    assert report["base"]["distributions"] > 5 and report["base"]["pip"] and report["base"]["python"].startswith("3.")
    assert report["venv"]["state"] == "whole" and report["venv"]["ours"] == 2 and report["venv"]["writable"]
    assert report["cache"]["unpacked-wheels"] == 2 and report["cache"]["same-mount-as-venv"]
    asked, = report["indexes"]
    assert asked["url"] == index.server.url and asked["answers"] and 0 <= asked["ms"] < 60_000
    assert [entry["installed"] for entry in report["syncs"]] == [2]
    assert report["lock-held-by"] is None
    assert report["next-boot"] == "has nothing to do: nothing changed since the last sync"
    assert index.server.requests()[-1] == "GET /simple/pip/"


def test_developers_sources(root, tmp_path):
    places = root.folder / "opt/code/extensions"
    named = tmp_path / "named"
    for folder, name in ((places / "one", "ext-one"), (named, "ext-named")):
        (folder / name.replace("-", "_")).mkdir(parents=True)
        (folder / name.replace("-", "_") / "__init__.py").write_text("")
        (folder / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "2.0"\n')
    (places / "broken").mkdir()
    (places / "broken/pyproject.toml").write_text("[project\n")
    root.requirements(f"-e {named}\n")
    assert doctor(root)["sources"] == [
        {"folder": str(named), "used-as": str(named), "distribution": "ext-named", "version": "2.0", "asked-for": f"{root.conf}/extensions.txt:1"}]
    report = doctor(root, status=1, EXTENSION_DEV_MODE="1")
    assert [(row["folder"], row["distribution"], row["asked-for"]) for row in report["sources"]] == [
        (str(places / "broken"), None, "EXTENSION_DEV_MODE"), (str(places / "one"), "ext-one", "EXTENSION_DEV_MODE"),
        (str(named), "ext-named", f"{root.conf}/extensions.txt:1")]
    assert any(f"{places}/broken/pyproject.toml" in text for text in report["problems"])


def test_the_text_says_the_same(root, index):
    demo_set(index)
    root.env["EXTENSION_AUTO_INSTALL"] = "typed"
    root.sync()
    done = root.run("doctor")
    assert done.status == 0 and done.err == "", done
    report = doctor(root)
    for section in SECTIONS:
        assert re.search(rf"^{section.replace('-', ' ')}\b", done.out, re.MULTILINE), done
    for row in report["settings"]:
        assert re.search(rf"^  {re.escape(row['setting'])} +{re.escape(row['value'] or '-')} +{row['from']}$", done.out, re.MULTILINE), row
    assert done.out.endswith("problems\n  none\n") and "\n\n\n" not in done.out
    assert all(line == line.rstrip() for line in done.out.split("\n"))


def test_each_setting_with_its_origin(root, index):
    yaml, conf = root.conf / "extensions.yaml", root.folder / "pip.conf"
    yaml.write_text("timeout: 77\non-error: abort\n\nupgrade: true\n")
    conf.write_text("[global]\nretries = 3\n")
    report = doctor(root, "--index-url", index.server.url, PIP_CONFIG_FILE=conf, PIP_RETRIES=None, EXTENSION_ON_ERROR="continue",
                    LOCALSTACK_EXTENSION_INDEX_STRATEGY="best")
    assert setting(report, "timeout") == ("77", f"{yaml}:1: timeout")
    assert setting(report, "upgrade") == ("true", f"{yaml}:4: upgrade")
    assert setting(report, "on-error") == ("continue", "EXTENSION_ON_ERROR")
    assert setting(report, "index.strategy") == ("best", "LOCALSTACK_EXTENSION_INDEX_STRATEGY")
    assert setting(report, "index.retries") == ("3", f"{conf}:2: retries")
    assert setting(report, "index.url") == (index.server.url, "--index-url")
    assert setting(report, "sync") == ("auto", "default")
    assert {"file": str(yaml), "found": "read"} in report["files"]
    assert {"file": str(root.conf / "extensions.txt"), "found": "not there"} in report["files"]
    with open(os.path.join(os.path.dirname(__file__), "../../conf/extensions.yaml")) as f:
        assert len(re.findall(r"^ *#? ?[a-z-]+: ", f.read(), re.MULTILINE)) <= len(report["settings"]) + 5


def test_files_that_are_included(root, index):
    root.requirements("-r more.txt\n")
    (root.conf / "more.txt").write_text("-c limits.txt\n")
    (root.conf / "limits.txt").mkdir()
    report = doctor(root, status=1)
    found = {row["file"]: row["found"] for row in report["files"]}
    assert found[str(root.conf / "more.txt")] == "read"
    assert any(path.endswith("limits.txt") and what == "there, but not read" for path, what in found.items()), found
    assert any("limits.txt" in text for text in report["problems"])


def test_variables_that_files_ask_for(root, index):
    index.add("tool", "1")
    root.requirements(f"# ${{COMMENT}}\ntool==${{TOOL}}\n-r ${{FOLDER}}/more.txt\n--find-links {root.conf}${{EMPTY}}\n")
    report = doctor(root, status=1, TOOL=CANARY, EMPTY="", OTHER="1")
    assert report["variables"] == [{"variable": "TOOL", "set": True}, {"variable": "FOLDER", "set": False}, {"variable": "EMPTY", "set": False}]
    assert CANARY not in json.dumps(report["variables"])
    root.requirements("tool\n")
    root.sync()
    assert doctor(root)["variables"] == []


# ---- broken

def test_malformed_settings_are_a_finding(root, index):
    (root.conf / "extensions.yaml").write_text("on-eror: abort\nsync: maybe\nupgrade: [\n")
    report = doctor(root, status=1)
    assert any('extensions.yaml:1:1: there is no key "on-eror"' in text for text in report["problems"])
    assert any("extensions.yaml:2:7: sync has to be auto or never" in text for text in report["problems"])
    assert report["next-boot"].startswith("leaves the extensions as they are")
    assert report["base"]["python"] and report["indexes"][0]["answers"]
    report = doctor(root, status=1, EXTENSION_SYNC_TIMEOUT="soon")
    assert any(text.startswith("EXTENSION_SYNC_TIMEOUT") for text in report["problems"])


@pytest.mark.parametrize("what", ["gone", "broken"])
def test_no_base(root, index, what):
    if what == "gone":
        shutil.rmtree(root.base)
    else:
        (root.base / "bin/python3").unlink()
        (root.base / "bin/python3").write_text("#!/bin/sh\nexit 9\n")
        (root.base / "bin/python3").chmod(0o755)
    report = doctor(root, status=1, EXTENSION_AUTO_INSTALL="typed")
    assert report["base"]["python"] is None and report["base"]["distributions"] is None
    assert any(str(root.base) in text for text in report["problems"])
    assert root.run("doctor", env={"EXTENSION_AUTO_INSTALL": "typed"}).status == 1


def test_nothing_yet(root, index):
    report = doctor(root)
    assert report["venv"]["state"] == "there is none" and report["syncs"] == []
    assert report["next-boot"] == "syncs: there has been no sync yet"


def test_a_venv_that_cannot_be_kept(root, index):
    demo_set(index)
    root.sync(EXTENSION_AUTO_INSTALL="typed")
    (root.venv / "bin/pip").unlink()
    report = doctor(root, status=1, EXTENSION_AUTO_INSTALL="typed")
    assert report["venv"]["state"] == "bin/pip is missing" and report["venv"]["ours"] == 2
    assert any("bin/pip is missing" in text and "makes it anew" in text for text in report["problems"])


def test_what_check_finds_is_said_and_nothing_is_marked(root, index):
    demo_set(index)
    root.env["EXTENSION_AUTO_INSTALL"] = "typed"
    root.sync()
    assert doctor(root)["check"]["findings"] == 0
    (root.site / "typed/__init__.py").unlink()
    before = snapshot(root)
    report = doctor(root, status=1)
    assert snapshot(root) == before
    assert report["check"]["findings"] >= 1 and report["check"]["distributions"] == 2
    assert any("typed/__init__.py" in text for text in report["problems"])
    assert any("`localstack-extensions check` shows all" in text for text in report["problems"])
    assert report["venv"]["state"] == "whole"


def test_what_was_set_aside(root, index):
    demo_set(index)
    root.env["EXTENSION_AUTO_INSTALL"] = "typed,no-such-name"
    root.sync(status=1)
    report = doctor(root, status=1)
    assert any(re.match(r"no-such-name \(EXTENSION_AUTO_INSTALL\) was set aside by the last sync: no index has", text)
               for text in report["problems"])
    assert report["syncs"][0]["failed"] == 1
    report = doctor(root, status=1, EXTENSION_AUTO_INSTALL="typed,foo bar")
    assert any(text.startswith("foo bar (EXTENSION_AUTO_INSTALL): ") for text in report["problems"])


def test_a_volume_that_cannot_be_written(root, index):
    demo_set(index)
    root.env["EXTENSION_AUTO_INSTALL"] = "typed"
    root.sync()
    wrap = ["unshare", "-m", "sh", "-c", f'mount --bind {root.volume} {root.volume} && mount -o remount,bind,ro {root.volume} && exec "$@"', "sh"]
    report = doctor(root, status=1, wrap=wrap)
    assert not report["venv"]["writable"] and not report["cache"]["writable"]
    assert any("Read-only file system" in text and "EXTENSION_SYNC=never" in text for text in report["problems"])
    assert report["venv"]["state"] == "whole" and report["syncs"]
    report = doctor(root, status=1, wrap=wrap, EXTENSION_SYNC="never")
    assert len(report["problems"]) == 1 and report["problems"][0].startswith("the cache ")


def test_who_holds_the_lock(root, gate):  # noqa: F811
    running = subprocess.Popen(root.command("sync"), env=root.env, stderr=subprocess.DEVNULL)
    assert gate.half.wait(60)
    report = doctor(root, "--offline")
    assert re.search(rf"process {running.pid}, since 20", report["lock-held-by"])
    assert report["syncs"][-1]["exit"] is None
    running.kill()
    running.wait()
    report = doctor(root, "--offline", status=1)
    assert report["lock-held-by"] is None
    assert any("did not end: it was killed" in text for text in report["problems"])


def test_a_sync_that_failed_is_a_finding(root, index):
    (root.base / "bin/python3").rename(root.base / "bin/away")
    root.sync(status=3, EXTENSION_AUTO_INSTALL="typed")
    (root.base / "bin/away").rename(root.base / "bin/python3")
    assert any(re.match("the last sync, at 20.*, failed with exit status 3: ", text) for text in doctor(root, status=1)["problems"])
    root.sync(EXTENSION_AUTO_INSTALL="")
    doctor(root)


def test_a_misspelt_variable(root, index):
    report = doctor(root, status=1, EXTENSION_AUTO_LOAD="typed")
    assert any("did you mean EXTENSION_AUTO_INSTALL?" in text for text in report["problems"])


# ---- indexes

def test_indexes_that_do_not_answer(root, index, tmp_path):
    demo_set(index)
    secured = Nginx(index.index, tmp_path / "tls", tls=Authority(tmp_path / "authority", "nobody's"))
    closed = Nginx(index.index, tmp_path / "closed", password="other")
    try:
        report = doctor(root, status=1, PIP_EXTRA_INDEX_URL=f"http://127.0.0.1:{free_port()}/simple {secured.url} {closed.url}",
                        PIP_FIND_LINKS=tmp_path / "no-folder", PIP_RETRIES="5")
    finally:
        secured.stop()
        closed.stop()
    refused, untrusted, credentials, good, links = report["indexes"]
    assert not refused["answers"] and "Couldn't connect" in refused["said"]
    assert not untrusted["answers"] and "is not trusted" in untrusted["said"] and "PIP_CERT" in untrusted["said"]
    assert not credentials["answers"] and "wants credentials" in credentials["said"]
    assert good["answers"] and good["url"] == index.server.url
    assert links["kind"] == "find-links" and not links["answers"]
    assert "no-folder" in links["said"] and len(report["problems"]) == 4


def test_offline_asks_nobody(root, index):
    asked = len(index.server.requests())
    for report in (doctor(root, "--offline"), doctor(root, EXTENSION_OFFLINE="1")):
        assert report["indexes"][0]["answers"] is None and "not asked" in report["indexes"][0]["said"]
    assert len(index.server.requests()) == asked


# ---- fit to be shown to others

def test_there_is_no_secret_in_it(root, workshop, tmp_path):
    server = workshop.serve(password=CANARY)
    secret = f"//user:{CANARY}@127.0.0.1"
    home = root.env["HOME"]
    with open(os.path.join(home, ".netrc"), "w") as f:
        f.write(f"machine example.com login user password {CANARY}\n")
    conf = tmp_path / "pip.conf"
    conf.write_text(f"[global]\nextra-index-url =\n  http:{secret}:1/a\n  http://{CANARY}@127.0.0.1:1/b\nproxy = user:{CANARY}@127.0.0.1:1\n"
                    f"trusted-host = 127.0.0.1\n")
    (root.conf / "extensions.yaml").write_text(f"install: ['x @ http:{secret}/x-1-py3-none-any.whl']\nlock: ''\n"
                                               f"'http:{secret}/key': 1\nindex: {{find-links: ['http:{secret}:1/?sig={CANARY}#f']}}\n")
    root.requirements(f"--extra-index-url http:{secret}:1/c\n-r http:{secret}:1/r.txt\nfoo bar http:{secret}/\n"
                      f"y @ http:{secret}:1/y.txt?token={CANARY}\n")
    env = {"PIP_CONFIG_FILE": conf, "PIP_INDEX_URL": server.url.replace("//", f"//user:{CANARY}@"), "PIP_RETRIES": "0",
           "HTTP_PROXY": f"user:{CANARY}@127.0.0.1:1", "https_proxy": f"http:{secret}:1", "ALL_PROXY": f"socks5:{secret}:1",
           "EXTENSION_LOCK": f"http:{secret}:1/pylock.toml", "PIP_PROXY": None}
    for more in ({}, {"EXTENSION_LOCK": None}, {"EXTENSION_LOCK": None, "PIP_CONFIG_FILE": "/dev/null", "HTTP_PROXY": None,
                     "EXTENSION_AUTO_INSTALL": f"z @ http:{secret}/z-1-py3-none-any.whl,http:{secret}/q.whl?{CANARY}"},
                 {"PIP_TIMEOUT": f"http:{secret}"}, {"EXTENSION_CACHE_DIR": f"{tmp_path}/http:{secret}"}):
        root.run("sync", env={**env, **more})
        for form in ("text", "json"):
            done = root.run("doctor", "-v", "--format", form, env={**env, **more})
            assert done.status == 1, done
            assert CANARY not in done.out + done.err, [line for line in (done.out + done.err).split("\n") if CANARY in line]
    assert "****" in done.out
