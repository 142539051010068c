# SPDX-License-Identifier: Apache-2.0
"""Names of projects, wheels and source distributions, against packaging and pip."""

from packaging.tags import parse_tag
from packaging.utils import (
    InvalidName,
    InvalidWheelFilename,
    canonicalize_name,
    is_normalized_name,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version
from pip._internal.index.package_finder import _extract_version_from_fragment
from pip._internal.models.link import Link
from pip._internal.utils.filetypes import ARCHIVE_EXTENSIONS

from reference import ANYTHING, CASES, ERROR, ask_formats, broken, check, generator

NAME_PARTS = ["foo", "Foo", "BAR", "b", "0", "a1", "x_y", "zope.interface", "ruamel.yaml", "2to3", "py"]
SEPARATORS = ["-", "_", ".", "--", "__", "-_.", ""]
VERSIONS = ["1.0", "0", "1.0.post1", "1!2.0", "1.0rc1", "2024.1.dev3", "1.0+local.1", "1.0_1", "v1.0", "1.0-1", "1", "01.2",
            "1.0.0.0", "1.0+ubuntu_1", "1.x", ""]


def name(r):
    parts = [r.choice(NAME_PARTS)]
    while r.random() < 0.4:
        parts += [r.choice(SEPARATORS), r.choice(NAME_PARTS)]
    text = "".join(parts)
    return broken(r, text, "-_.aZ9 \u00fc\u0660\u212a/") if r.random() < 0.2 else text


def test_names():
    r = generator("name")
    texts = [name(r) for _ in range(CASES)]
    expected = []
    for text in texts:
        try:
            canonicalize_name(text, validate=True)
            valid = "valid"
        except InvalidName:
            valid = "invalid"
        # Letters beyond ASCII make a name invalid; the reference lowers them all the same.
        normalized = canonicalize_name(text) if text.isascii() else None
        expected.append(ANYTHING if normalized is None else [valid, normalized])
    check([("name", text) for text in texts], expected)
    beyond = [text for text in texts if not text.isascii()]
    assert all(answer[0] == "invalid" for answer in ask_formats([("name", text) for text in beyond]))


def tag(r):
    def part(*pieces):
        return ".".join(r.choice(pieces) for _ in range(r.choice([1, 1, 1, 2, 3])))

    return "-".join([
        part("py3", "py2", "cp313", "pp310", "PY3", "cp39", "2to3", "graalpy311", "py311"),
        part("none", "abi3", "cp313", "cp313t", "pypy311_pp73", "NONE"),
        part("any", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "musllinux_1_2_aarch64", "linux_armv7l", "win32"),
    ])


def wheel(r):
    project = name(r) if r.random() < 0.3 else r.choice(["foo", "Foo_bar", "zope.interface", "a", "foo__bar", "x.y_z"])
    parts = [project, r.choice(VERSIONS)]
    if r.random() < 0.25:
        parts.append(r.choice(["1", "0", "12abc", "1_2", "007", "x1", "", "1.2", str(2**64), str(2**64 - 1), "1\u0660"]))
    text = "-".join([*parts, tag(r)]) + (".whl" if r.random() < 0.97 else r.choice([".WHL", ".whl.metadata", ".zip", ""]))
    return broken(r, text, "-_. .whlA1\u00fc") if r.random() < 0.15 else text


def wheel_answer(text):
    try:
        project, version, build, tags = parse_wheel_filename(text)
        # The reference lets names through that no project can have ("foo_", letters beyond ASCII).
        canonicalize_name(text.split("-")[0], validate=True)
    except (InvalidWheelFilename, InvalidName):
        return ERROR
    if build and build[0] >= 2**64:
        return ERROR
    if not text.isascii() or " " in text.split("-", 2)[2]:
        return ANYTHING  # tags that no interpreter has
    return [project, str(version), str(build[0]) if build else "-", build[1] if build else "", tags]


def test_wheel_names():
    r = generator("wheel")
    texts = [wheel(r) for _ in range(CASES)]
    expected = [wheel_answer(text) for text in texts]
    wrong = []
    for text, answer, right in zip(texts, ask_formats([("wheel", text) for text in texts]), expected):
        if answer is not ERROR:
            answer[4] = parse_tag(answer[4])
        if right is not ANYTHING and answer != right:
            wrong.append((text, answer, right))
    assert not wrong, (len(wrong), wrong[:10])
    assert CASES * 0.1 < sum(right is ERROR for right in expected) < CASES * 0.6


def sdist(r):
    project = name(r) if r.random() < 0.3 else r.choice(["foo", "foo-bar", "Foo_Bar", "foo.bar", "foo--bar", "foo-2", "py"])
    ending = r.choice([*ARCHIVE_EXTENSIONS, ".tar.gz", ".zip", ".tar.gz", ".tar.bz2", ".whl", ".exe", ".gz", ".TAR.GZ"])
    text = project + r.choice(["-"] * 8 + ["_", "--"]) + r.choice(VERSIONS) + ending
    return broken(r, text, "-_.0a") if r.random() < 0.1 else text


def sdist_answer(project, text):
    """As pip evaluates a link to an archive. But a slash ends a file's name, and letters beyond ASCII are in no name of a
    project (the reference lowers the Kelvin sign to k)."""
    if "/" in text or not text.isascii():
        return ERROR
    stem, ending = Link(f"https://example.org/{text}").splitext()
    if ending not in ARCHIVE_EXTENSIONS or ending == ".whl":
        return ERROR
    version = _extract_version_from_fragment(stem, project)
    try:
        return [str(Version(version))] if version else ERROR
    except InvalidVersion:
        return ERROR


def test_source_distributions():
    r = generator("sdist")
    questions = []
    for _ in range(CASES):
        text = sdist(r)
        around = text.rpartition("-")[0]
        project = canonicalize_name(r.choice([around, around, around, text.partition("-")[0], "foo", "foo-bar"]))
        questions.append(("sdist", project if is_normalized_name(project) else "foo", text))
    check(questions, [sdist_answer(*question[1:]) for question in questions])
