# SPDX-License-Identifier: Apache-2.0
"""URLs of repositories, against pip."""

from pip._internal.exceptions import InstallationError
from pip._internal.models.link import InvalidEggFragment, Link
from pip._internal.vcs.git import Git

from reference import ANYTHING, CASES, ERROR, check, generator

TRANSPORTS = ["https"] * 4 + ["http", "ssh", "git", "file", "ftp", "HTTPS", "Ssh"]
USERS = ["", "", "", "git@", "user:p%40ss@", "token@", "a@b:c@", "deploy@"]
HOSTS = ["example.org", "h:8443", "[::1]", "[::1]:22", "H.Example"]
PATHS = ["/p", "/a/b.git", "/a@b/c", "/~user/p", "/a%20b", "/a//b/", "/p.git;x", "/\u00fc"]
REFS = ["", "", "@v1", "@feature/x", "@feature%2Fx", "@a@b", "@refs/pull/1/head", "@" + "0123456789" * 4, "@", "@%C3%BC", "@1.0+2", "@a%zz"]
QUERIES = ["", "", "", "?", "?a=1", "?a=b@c"]
FRAGMENTS = ["egg=foo", "egg=Foo.Bar_1", "subdirectory=a/b", "subdirectory=", "egg=-x", "egg=", "egg=a b", "sha256=0", "xegg=a", "egg",
             "subdirectory=a%20b", "subdirectory=a#egg=c"]


def url(r):
    transport = r.choice(TRANSPORTS)
    authority = "" if transport == "file" else r.choice(USERS) + r.choice(HOSTS)
    if transport.lower() == "ssh":
        authority = authority.replace("user:p%40ss@", "user@").replace("a@b:c@", "a@b@")
    fragments = [r.choice(FRAGMENTS) for _ in range(r.choice([0, 0, 1, 1, 2, 3]))]
    text = f"git+{transport}://{authority}{r.choice(PATHS)}{r.choice(REFS)}{r.choice(QUERIES)}"
    return text + ("#" + "&".join(fragments) if fragments else "")


def answer(text):
    try:
        link = Link(text)
        if link.scheme not in Git.schemes:
            return ERROR
        address, ref, _ = Git.get_url_rev_and_auth(link.url)
    except (InstallationError, InvalidEggFragment):
        return ERROR
    if text.startswith("git+file:") and "%" in text:
        # pip decodes the path before git, which does so too: what is encoded then has another meaning.
        return ANYTHING
    return [address, ref or "-", link.egg_fragment or "-", link.subdirectory_fragment or "-"]


def test_urls_of_repositories():
    r = generator("git")
    texts = [url(r) for _ in range(CASES)]
    check([("git", text) for text in texts], [answer(text) for text in texts], drop="shown=")
