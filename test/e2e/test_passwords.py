# SPDX-License-Identifier: Apache-2.0
"""No password is said or kept, however badly its URL is written."""

import json

import pytest

PARTS = ["s3cr", "etpw"]
BAD = {"hash": "#", "slash": "/", "question mark": "?", "blank": " ", "at and hash": "@#", "at and slash": "@/"}
ENCODED = {"#": "%23", "/": "%2F", "?": "%3F", "@#": "%23", "@/": "%2F"}
HOST = "127.0.0.1:1"
URL = f"https://user:PASSWORD@{HOST}/simple"

# What is set where, with PASSWORD in it; a file by its name.
PLACES = {
    "the index": {"PIP_INDEX_URL": URL},
    "an extra index": {"PIP_EXTRA_INDEX_URL": URL, "PIP_NO_INDEX": ""},
    "find-links": {"PIP_FIND_LINKS": URL.replace("simple", "links")},
    "a constraint": {"PIP_CONSTRAINT": URL.replace("simple", "c.txt")},
    "the proxy": {"PIP_PROXY": f"http://user:PASSWORD@{HOST}", "PIP_INDEX_URL": "http://index.example/simple"},
    "a proxy without scheme": {"PIP_PROXY": f"user:PASSWORD@{HOST}", "PIP_INDEX_URL": "http://index.example/simple"},
    "another proxy": {"HTTP_PROXY": f"http://user:PASSWORD@{HOST}", "PIP_INDEX_URL": "http://index.example/simple"},
    "an index without scheme": {"PIP_INDEX_URL": f"user:PASSWORD@{HOST}/simple"},
    "an index with one slash": {"PIP_INDEX_URL": f"https:/user:PASSWORD@{HOST}/simple"},
    "an index whose user is an address": {"PIP_INDEX_URL": f"https://joe@corp.example:PASSWORD@{HOST}/simple"},
    "a requirement": {"EXTENSION_AUTO_INSTALL": f"zzz @ https://user:PASSWORD@{HOST}/zzz-1.0-py3-none-any.whl"},
    "a URL alone": {"EXTENSION_AUTO_INSTALL": f"https://user:PASSWORD@{HOST}/zzz-1.0-py3-none-any.whl"},
    "a repository": {"EXTENSION_AUTO_INSTALL": f"zzz @ git+https://user:PASSWORD@{HOST}/zzz.git@v1"},
    "a line": {"extensions.txt": f"zzz @ https://user:PASSWORD@{HOST}/zzz-1.0-py3-none-any.whl\n"},
    "an index in a file": {"extensions.txt": f"--index-url {URL}\nzzz\n"},
    "an included file": {"extensions.txt": f"-r {URL}/r.txt\nzzz\n"},
    "an editable": {"extensions.txt": f"-e git+https://user:PASSWORD@{HOST}/zzz.git#egg=zzz\n"},
    "the settings' file": {"extensions.yaml": f'index:\n  url: "{URL}"\n'},
    "a wrong setting": {"EXTENSION_SYNC_TIMEOUT": URL},
    "a wrong choice": {"EXTENSION_SYNC": URL},
    "a lock": {"EXTENSION_LOCK": URL.replace("simple", "pylock.toml")},
}


def set_up(root, place, bad):
    env = {"EXTENSION_AUTO_INSTALL": "zzz", "PIP_RETRIES": "0", "HTTP_PROXY": None, "HTTPS_PROXY": None, "NO_PROXY": None}
    for name, value in PLACES[place].items():
        value = value.replace("PASSWORD", bad.join(PARTS))
        if "." in name:
            (root.conf / name).write_text(value)
        else:
            env[name] = value
    return env


def check_silent(*texts):
    for text in texts:
        assert not [part for part in PARTS if part in text], text


def check_nothing_kept(root):
    for path in root.volume.rglob("*"):
        if path.is_file() and not path.is_symlink():
            check_silent(path.read_text(errors="replace"))


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("place", PLACES)
def test_neither_said_nor_kept(root, place, bad):
    env = set_up(root, place, BAD[bad])
    for log_format in "text", "json":
        done = root.boot("true", env={**env, "EXTENSION_LOG_FORMAT": log_format, "EXTENSION_LOG_LEVEL": "debug"})
        assert done.err, done
        check_silent(done.out, done.err)
    for command in ["plan", "--format", "json"], ["doctor", "--format", "json"], ["doctor"], ["why", "zzz"]:
        done = root.run(*command, env=env)
        check_silent(done.out, done.err)
    check_nothing_kept(root)


@pytest.mark.parametrize("bad", ENCODED)
@pytest.mark.parametrize("place", ["the index", "a requirement", "a repository", "an index in a file"])
def test_what_to_write_is_said(root, place, bad):
    done = root.run("sync", env=set_up(root, place, bad))
    assert done.status == 1 and f"is written {ENCODED[bad]}" in done.err, done


def test_it_is_in_the_state_without(root):
    """What a boot reports again without asking anybody comes from there."""
    env = set_up(root, "a URL alone", "#")
    for _ in range(2):
        done = root.boot("true", env=env)
        assert f"https://user:****@{HOST}/zzz" in done.err, done
    assert f"user:****@{HOST}" in (root.extensions / ".localstack-extensions.state").read_text()
    assert "user:****@" in json.dumps(json.loads(root.run("doctor", "--format", "json", env=env).out))
