# SPDX-License-Identifier: Apache-2.0
"""The solver's stories (test/data/solver) told by the program itself: wheels on an index that nginx serves, dist-infos in the
base, and the plan compared with what stands behind "==". Their form is described in test/unit/test_solver.c."""

import re
import shutil
import zipfile

import pytest

from conftest import REPOSITORY
from wheels import file_name, make_wheel

STORIES = sorted((REPOSITORY / "test/data/solver").glob("*.story"))
NEVER = ">=3.99"  # a Python that is nobody's

# Stories that only the unit test tells, and why. test_every_story_is_told sees to it that the list is neither too short nor too long.
DIRECT = "its URLs are on another host; test_sync.py has direct references of its own"
INSTALLED = "what is installed comes from syncs; test_sync.py and test_extensions.py make those"
EXCLUDED = "the reason is a text that stands for a constraint, a hash or an option"
NOT_REAL = {
    "base-direct": DIRECT,
    "constraint": EXCLUDED,
    "constraint-leaves-nothing": EXCLUDED,
    "direct": DIRECT,
    "direct-against-specifier": DIRECT,
    "direct-below": DIRECT,
    "direct-broken": DIRECT,
    "direct-not-asked-for": DIRECT,
    "direct-two": DIRECT,
    "direct-unasked-explained": DIRECT,
    "direct-unfit": DIRECT,
    "hash-mismatch": EXCLUDED,
    "installed-direct": DIRECT,
    "installed-stays": INSTALLED,
    "installed-too-old": INSTALLED,
    "malformed-metadata": "the text of the unreadable metadata is the story's own",
    "no-binary": EXCLUDED,
    "prerelease-constraint": EXCLUDED,
    "prerelease-together-with-constraint": EXCLUDED,
    "python-too-old-below": EXCLUDED,
    "unreadable": "the text of the unreadable metadata is the story's own",
    "unreadable-only": "the text of the unreadable metadata is the story's own",
}


class Distribution:
    def __init__(self, where, name, version):
        self.where, self.name, self.version = where, name, version
        self.requires, self.extras, self.page = [], [], {}

    def wheel(self, folder):
        return make_wheel(folder, self.name, self.version, self.requires, extras=self.extras)


class Story:
    """The lines of a story; `unreal` are those that have no counterpart outside the unit test."""

    def __init__(self, path):
        given, _, self.expected = path.read_text().partition("==\n")
        self.distributions, self.roots, self.options, self.unreal, self.own_texts = [], [], [], [], False
        for line in given.splitlines():
            verb, _, rest = line.strip().partition(" ")
            if verb and not verb.startswith("#"):
                self.line(verb, rest)

    def line(self, verb, rest):
        if verb in ("index", "base"):
            self.distributions.append(Distribution(verb, *rest.split()))
        elif verb == "needs":
            self.distributions[-1].requires.append(rest)
        elif verb == "extra":
            extra, _, requirement = rest.partition(" ")
            self.distributions[-1].extras += [extra] * (extra not in self.distributions[-1].extras)
            if requirement:
                self.distributions[-1].requires.append(f'{requirement} ; extra == "{extra}"')
        elif verb == "yanked":
            self.distributions[-1].page["yanked"] = rest
        elif verb == "excluded" and rest.startswith("needs Python"):
            self.distributions[-1].page["requires_python"] = NEVER
            self.own_texts = True
        elif verb == "root":
            self.roots.append(tuple(rest.split(" ", 1)))
        elif verb == "option":
            self.options.append(rest)
        elif verb != "absent":  # whoever is absent is not put on the index
            self.unreal.append(f"{verb} {rest}")
        else:
            self.own_texts = True

    def outcome(self):
        """What is chosen, by name, and what fails, with reasons."""
        chosen, failed = {}, []
        for line in self.expected.splitlines():
            if line.startswith("    "):
                failed[-1][1].append(line.strip())
            elif line.startswith("failed "):
                failed.append((line.removeprefix("failed ").rsplit(" (", 1)[0], []))
            elif not line.startswith("note "):
                found = re.fullmatch(r"(\S+?)(?:\[(.+?)\])? (\S+) (index|base)( requested)?(?: needs (.+))?", line)
                name, extras, version, origin, requested, needs = found.groups()
                chosen[name] = (origin, version, (extras or "").split(",") if extras else [], bool(requested), needs.split(", ") if needs else [])
        return chosen, failed


def put_into_base(root, distribution, folder):
    """Its dist-info alone, in the place of one that the small base may have."""
    site = root.base / "lib" / root.python / "site-packages"
    for old in site.glob(f"{file_name(distribution.name)}-*.dist-info"):
        shutil.rmtree(old)
    with zipfile.ZipFile(distribution.wheel(folder)) as archive:
        archive.extractall(site, [n for n in archive.namelist() if ".dist-info/" in n])


def as_told(reason):
    """The reason as it would be with the story's own words for where things come from."""
    reason = re.sub(r"no index has a distribution named \S+ \(asked: [^)]*\)", "no index has a distribution of that name", reason)
    return [line.strip() for line in reason.splitlines()]


def by_argument(lines, story):
    """The story's lines as if all its requirements were arguments, as they are here."""
    for source in {source for source, _ in story.roots}:
        lines = [re.sub(rf"^{re.escape(source)} asks", "argument asks", line).replace(f"({source})", "(argument)") for line in lines]
    return lines


@pytest.mark.parametrize("path", [p for p in STORIES if p.stem not in NOT_REAL], ids=lambda p: p.stem)
def test_story(path, root, index, tmp_path):
    story = Story(path)
    for number, d in enumerate(story.distributions):
        if d.where == "base":
            put_into_base(root, d, tmp_path / f"wheel-{number}")
        else:
            index.index.add(d.wheel(tmp_path / f"wheel-{number}"), **d.page)
    chosen, failed = story.outcome()
    options = ["--pre"] if "prereleases" in story.options else []
    env = {"EXTENSION_BASE_CONFLICTS": "tolerate"} if "tolerate" in story.options else {}
    plan = root.plan(*options, *(requirement for _, requirement in story.roots), status=1 if failed else 0, **env)

    got = {i["name"]: ("index", i["version"], i["extras"], i["requested"], i["requires"]) for i in plan["install"]}
    assert got == {name: what for name, what in chosen.items() if what[0] == "index"}
    assert {(b["name"], b["version"]) for b in plan["base"]} == {(name, what[1]) for name, what in chosen.items() if what[0] == "base"}
    assert [f["requirement"] for f in plan["failed"]] == [requirement for requirement, _ in failed]
    if not story.own_texts:
        assert [as_told(f["reason"]) for f in plan["failed"]] == [by_argument(lines, story) for _, lines in failed]


def test_every_story_is_told():
    assert {p.stem for p in STORIES if Story(p).unreal} == set(NOT_REAL)
