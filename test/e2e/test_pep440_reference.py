# SPDX-License-Identifier: Apache-2.0
"""Versions, specifiers, markers and requirements as this project reads them, compared with what the reference
implementation, PyPA's packaging, says of the same texts. The texts are generated: SEED=N gives others, CASES=N
more or fewer of each kind. All questions of a kind go to one process, build/tools/pep440."""

import os
import re

import pytest
from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from reference import ANYTHING, ERROR, ask, generator

PAIRS = int(os.environ.get("CASES") or 20000)
TEXTS = int(os.environ.get("CASES") or 5000)


def compare(questions, expected):
    """Asks all; what differs from what is expected is shown, the first of it."""
    wrong = []
    for question, answer, right in zip(questions, ask("pep440", questions), expected, strict=True):
        same = answer.startswith("error: ") if right is ERROR else right is ANYTHING or answer == right
        if not same:
            wrong.append(f"{question!r}: {answer!r}, not {'an error' if right is ERROR else repr(right)}")
    assert not wrong, f"{len(wrong)} of {len(questions)} differ:\n" + "\n".join(wrong[:20])


def boolean(value):
    return "true" if value else "false"


def bulk(results):
    """A generator that makes nothing but errors compares nothing."""
    errors = sum(result is ERROR for result in results)
    assert errors < len(results) / 2, f"{errors} of {len(results)} are errors"


class Texts:
    """Generates texts that are near each other, so that they meet at their edges."""

    def __init__(self, seed):
        self.r = generator(seed)

    def maybe(self, chance, text):
        if self.r.random() >= chance:
            return ""
        return text() if callable(text) else text

    def blank(self):
        return self.maybe(0.15, lambda: self.r.choice([" ", "  ", " "]))

    def number(self):
        if self.r.random() < 0.02:
            return str(self.r.choice([2**32, 2**64 - 1, 2**64, 10**30, 10**199 - 1, 10**199, 10**255, 9**300]))
        if self.r.random() < 0.04:
            return "0" + str(self.r.randrange(12))
        return str(self.r.choice([0, 0, 0, 1, 1, 2, 3, 9, 10, 19, 99, 2024]))

    def release(self, least=1):
        return ".".join(self.number() for _ in range(self.r.choice([1, 1, 2, 2, 2, 3, 3, 4]) + least - 1))

    def separator(self):
        return self.maybe(0.35, lambda: self.r.choice(".-_"))

    def case(self, text):
        return text if self.r.random() < 0.8 else "".join(self.r.choice([c.lower(), c.upper()]) for c in text)

    def segment(self, words):
        word = self.case(self.r.choice(words))
        return self.separator() + word + self.maybe(0.3, self.separator) + self.maybe(0.8, self.number)

    def pre(self):
        return self.segment(["a", "b", "rc", "a", "b", "rc", "alpha", "beta", "c", "pre", "preview"])

    def post(self):
        if self.r.random() < 0.2:
            return "-" + self.number()
        return self.segment(["post", "post", "rev", "r"])

    def dev(self):
        return self.segment(["dev"])

    def local(self):
        labels = [self.r.choice(["a", "abc", "ABC", "ab", "1", "01", "0", "10", "1a", "a1", "ubuntu", "2"])]
        while self.r.random() < 0.35:
            labels += [self.r.choice(".-_"), self.r.choice(["a", "b", "1", "2", "0", "x1"])]
        return "+" + "".join(labels)

    def public(self, least=1):
        return (
            self.maybe(0.05, lambda: self.r.choice("vV"))
            + self.maybe(0.06, lambda: self.number() + "!")
            + self.release(least)
            + self.maybe(0.25, self.pre)
            + self.maybe(0.2, self.post)
            + self.maybe(0.2, self.dev)
        )

    def version(self):
        return self.public() + self.maybe(0.15, self.local)

    def near(self, text):
        """Another spelling or a neighbour of a version, one in a while something else."""
        choice = self.r.random()
        if choice < 0.2:
            return text + self.r.choice([".0", ".dev0", ".post0", "a0", "rc1", "+local", ".0.0", ".1", "-1", ".dev1"])
        if choice < 0.35:
            digits = [i for i, c in enumerate(text) if c.isdigit()]
            at = self.r.choice(digits) if digits else 0
            return text[:at] + str(self.r.randrange(11)) + text[at + 1 :]
        if choice < 0.45:
            return text.split("+")[0]
        if choice < 0.5:
            return self.broken(text, "0123456789.abcdevpost!+-_* ")
        return self.version()

    def broken(self, text, letters):
        """One letter put in, taken away or changed; one in a while for one that Python's patterns may take for another: digits
        and letters of other scripts, blanks that only Unicode knows."""
        if self.r.random() < 0.1:
            letters = "\u0663\u00fc\u017f\uff11\u00b2\u00a0\u2003\x0b\x1c"
        at = self.r.randrange(len(text) + 1)
        return text[:at] + self.r.choice([*letters, ""]) + text[at + self.r.randrange(2) :]

    def specifier(self):
        op = self.r.choice(["==", "!=", "<=", ">=", "<", ">", "~=", "===", "==", "!=", "~="])
        if op == "===" and self.r.random() < 0.3:
            return op + self.blank() + self.r.choice(["", "foo", "FOO", "1.0-", "1.*", "a+b", "==1"])
        if op in ("==", "!=") and self.r.random() < 0.4:
            version = self.maybe(0.05, "1!") + self.release() + ".*"
        elif op in ("==", "!=", "==="):
            version = self.version()
        else:
            version = self.public(2 if op == "~=" else 1)
        return op + self.blank() + version

    def specifiers(self):
        count = self.r.choice([1, 1, 1, 1, 2, 2, 3, 0])
        text = ",".join(self.blank() + self.specifier() + self.blank() for _ in range(count))
        if count and self.r.random() < 0.05:
            text += ","
        if self.r.random() < 0.04:
            text = self.broken(text, "0123456789.,<>=!~+-*a ;)")
        return text

    variables = (
        "implementation_name implementation_version os_name platform_machine platform_release platform_system "
        "platform_version python_full_version platform_python_implementation python_version sys_platform extra "
        "python_version python_version python_full_version extra sys_platform os.name sys.platform platform.version extras "
        "platform.machine platform.python_implementation python_implementation"
    ).split()
    values = (
        "3 3.8 3.10 3.11 3.13 3.13.0 3.14.0a1 3.* 3.13.* 3.13.0+local =3.13 cpython CPython posix nt linux Linux win32 "
        "darwin x86_64 aarch64 6.1.0-13-amd64 6.1.0 6.1 foo Foo_Bar foo-bar test 3,4"
    ).split() + ["", "3.8, 3.13", "#1 SMP", "foo bar", " 3.13 ", 'a"b', "gr\u00fc\u00df"]
    operators = "== != <= >= < > ~= === in".split() + ["not in", "not  in", "==", "==", ">=", "<"]

    def side(self, variable):
        if variable:
            return self.r.choice(self.variables)
        value = self.r.choice(self.values) if self.r.random() < 0.85 else self.public()
        return f"'{value}'" if '"' in value or self.r.random() < 0.4 else f'"{value}"'

    def comparison(self):
        left = self.r.random() < 0.85
        right = self.r.random() < (0.04 if left else 0.97)
        op = self.r.choice(self.operators)
        left, right = self.side(left), self.side(right)
        gap = " " if op[0].isalpha() else self.maybe(0.7, " ")
        return left + gap + op + gap + right

    def marker(self, depth=0):
        parts = []
        for _ in range(self.r.choice([1, 1, 1, 2, 2, 3])):
            if parts:
                parts.append(self.r.choice([" and ", " or ", "  and ", "\tor "]))
            if depth < 4 and self.r.random() < 0.25:
                parts.append("(" + self.blank() + self.marker(depth + 1) + self.blank() + ")")
            else:
                parts.append(self.comparison())
        return "".join(parts)

    def marker_or_nearly(self):
        text = self.marker()
        if self.r.random() < 0.08:
            text = self.broken(text, "()'\"=<>andorinot _.3")
        return text

    def name(self):
        return self.r.choice(["foo", "Foo", "foo.bar", "FOO__bar", "a", "0", "zope.interface", "x-_.y", "foo_", "in"])

    def requirement(self):
        text = self.blank() + self.name() + self.blank()
        if self.r.random() < 0.3:
            extras = [self.name() for _ in range(self.r.randrange(4))]
            text += "[" + (self.blank() + "," + self.blank()).join(extras) + self.blank() + "]" + self.blank()
        kind = self.r.random()
        if kind < 0.15:
            url = self.r.choice(["https://example.com/a;b.whl", "file:///a", "git+https://u@h/r@v#egg=x&y=z", "x", ""])
            text += "@" + self.blank() + url + self.maybe(0.9, " ")
        elif kind < 0.35:
            text += "(" + self.specifiers() + ")" + self.blank()
        elif kind < 0.85:
            text += self.specifiers()
        if self.r.random() < 0.3:
            text += ";" + self.blank() + self.marker()
        if self.r.random() < 0.1:
            text = self.broken(text, "[](),;@=<>.-_ a1'\"")
        return text


def version_of(text):
    try:
        return Version(text)
    except InvalidVersion:
        return None


def test_versions_compare_like_the_reference():
    texts, questions, expected = Texts("cmp"), [], []
    for _ in range(PAIRS):
        a = texts.version()
        b = texts.near(a)
        x, y = version_of(a), version_of(b)
        questions.append(f"cmp\t{a}\t{b}")
        expected.append(str((x > y) - (x < y)) if x and y else ERROR)
    bulk(expected)
    compare(questions, expected)


def test_versions_normalise_like_the_reference():
    texts, questions, expected = Texts("normalize"), [], []
    for _ in range(PAIRS):
        text = texts.blank() + texts.near(texts.version()) + texts.blank()
        questions.append(f"normalize\t{text}")
        v = version_of(text)
        if v is None:
            expected.append(ERROR)
            continue
        flags = [(v.is_prerelease, "pre"), (v.is_postrelease, "post"), (v.is_devrelease, "dev"), (v.local, "local")]
        expected.append(" ".join([str(v)] + [name for flag, name in flags if flag]))
    bulk(expected)
    compare(questions, expected)


def test_specifiers_contain_like_the_reference():
    texts, questions, expected = Texts("contains"), [], []
    for _ in range(PAIRS):
        spec = texts.specifiers()
        named = spec.split(",")[0].strip().lstrip("<>=!~ ").removesuffix(".*") or "1"
        text = texts.near(named)
        try:
            reference = SpecifierSet(spec)
        except InvalidSpecifier:
            questions.append(f"contains\t{spec}\t{text}")
            expected.append(ERROR)
            continue
        questions.append(f"contains\t{spec}\t{text}")
        expected.append(boolean(reference.contains(text, prereleases=True)))
        version = version_of(text)
        questions.append(f"parsed\t{spec}\t{text}")
        expected.append(boolean(reference.contains(version, prereleases=True)) if version else ERROR)
        questions.append(f"specifier\t{spec}")
        expected.append(str(reference))
        questions.append(f"names_pre\t{spec}")
        expected.append(boolean(reference.prereleases))
    bulk(expected)
    assert expected.count("true") > PAIRS / 4
    compare(questions, expected)


ENVIRONMENTS = [
    {
        "implementation_name": "cpython",
        "implementation_version": "3.13.0",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_release": "6.1.0-13-amd64",
        "platform_system": "Linux",
        "platform_version": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.55-1 (2023-09-29)",
        "python_full_version": "3.13.0",
        "platform_python_implementation": "CPython",
        "python_version": "3.13",
        "sys_platform": "linux",
    },
    {
        "implementation_name": "pypy",
        "implementation_version": "7.3.13",
        "os_name": "posix",
        "platform_machine": "aarch64",
        "platform_release": "6.1.0",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": "3.10.13+",
        "platform_python_implementation": "PyPy",
        "python_version": "3.10",
        "sys_platform": "linux",
    },
    {
        "implementation_name": "cpython",
        "implementation_version": "3.14.0a1",
        "os_name": "nt",
        "platform_machine": "AMD64",
        "platform_release": "10",
        "platform_system": "Windows",
        "platform_version": "10.0.19041",
        "python_full_version": "3.14.0a1",
        "platform_python_implementation": "CPython",
        "python_version": "3.14",
        "sys_platform": "win32",
    },
]


def marker_answer(text, environment, extra):
    try:
        marker = Marker(text)
    except InvalidMarker:
        return ERROR
    if re.search(r"\b(extras|dependency_groups)\b", str(marker)):
        return ERROR  # variables of lock files; to the reference, behind another variable, texts
    try:
        return f"{marker}\t{boolean(marker.evaluate({**environment, 'extra': extra}))}"
    except (UndefinedComparison, UndefinedEnvironmentName):
        return ANYTHING  # what the reference gives up on; here it is refused when parsed, or false


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda e: e["python_full_version"])
def test_markers_evaluate_like_the_reference(environment):
    texts = Texts(f"marker {environment['python_full_version']}")
    questions = [f"env\t{name}\t{value}" for name, value in environment.items()]
    expected = ["ok"] * len(questions)
    for _ in range(TEXTS):
        text, extra = texts.marker_or_nearly(), texts.r.choice(["", "", "test", "foo-bar", "foo"])
        questions.append(f"marker\t{extra}\t{text.strip()}")
        expected.append(marker_answer(text.strip(), environment, extra))
    bulk(expected)
    assert expected.count(ANYTHING) < TEXTS / 2
    compare(questions, expected)


class LockTexts(Texts):
    """Markers as lock files have them: "NAME" in extras and in dependency_groups, now and then asked wrongly."""

    variables = [name for name in Texts.variables if name != "extra"] * 3 + ["extra"]

    def comparison(self):
        kind = self.r.random()
        if kind < 0.4:
            return super().comparison()
        variable, name = self.r.choice(["extras", "dependency_groups"]), f'"{self.name()}"'
        if kind < 0.97:
            return name + self.r.choice([" in ", " not in ", "in ", "  not\tin  "]) + variable
        return self.r.choice([f"{variable} in {name}", f"{name} == {variable}", f"{variable} in {variable}"])


def lock_answer(text, extras, groups):
    try:
        marker = Marker(text)
        choice = {"extras": frozenset(extras), "dependency_groups": frozenset(groups)}
        value = marker.evaluate({**ENVIRONMENTS[0], **choice}, context="lock_file")
    except (InvalidMarker, UndefinedEnvironmentName):
        return ERROR
    except UndefinedComparison:
        return ANYTHING
    # A name is in a list or is not; the reference answers other questions as well ("==", a variable on the left), always
    # in the same way, and what was meant is unknown. Nor does it miss a value for `extra` where a variable stands to
    # the left of it. Here all of these are refused.
    if re.search(r"([=<>]|(^|[ (])(?!not )[a-z_]+( not)? in) (extras|dependency_groups)|\bextra\b", str(marker)):
        return ERROR
    return f"{marker}\t{boolean(value)}"


def test_lock_markers_evaluate_like_the_reference():
    texts = LockTexts("lock")
    questions = [f"env\t{name}\t{value}" for name, value in ENVIRONMENTS[0].items()]
    expected = ["ok"] * len(questions)
    for _ in range(TEXTS):
        text = texts.marker_or_nearly().strip()
        extras, groups = ([texts.name() for _ in range(texts.r.randrange(4))] for _ in range(2))
        questions.append(f"lock\t{','.join(extras)}\t{','.join(groups)}\t{text}")
        expected.append(lock_answer(text, extras, groups))
    bulk(expected)
    compare(questions, expected)


# The reference's tokenizer takes a comma for a part of what follows ===: then it refuses blanks behind the comma and
# takes two commas. Here a comma separates, as the standard's grammar has it.
COMMA_OF_ARBITRARY = re.compile("===[^;)]*,( |.* |,)")


def requirement_answer(text):
    if COMMA_OF_ARBITRARY.search(text):
        return ANYTHING
    try:
        r = Requirement(text.strip())  # as lines of files are
        if any(c < " " or c == "\x7f" for c in r.url or ""):
            return ERROR  # control characters, which no URL has
        # The reference takes "foo_" for a name; the standard and every index do not.
        name = canonicalize_name(r.name, validate=True)
        extras = sorted({canonicalize_name(extra, validate=True) for extra in r.extras})
    except (InvalidRequirement, InvalidName):
        return ERROR
    if r.marker:
        if re.search(r"\b(extras|dependency_groups)\b", str(r.marker)):
            return ERROR
        try:
            r.marker.evaluate({**ENVIRONMENTS[0], "extra": ""})
        except (UndefinedComparison, UndefinedEnvironmentName):
            return ANYTHING
    return "\t".join([name, ",".join(extras), str(r.specifier), r.url or "", str(r.marker or "")])


def test_requirements_parse_like_the_reference():
    texts, questions, expected = Texts("requirement"), [], []
    for _ in range(TEXTS):
        text = texts.requirement()
        questions.append(f"requirement\t{text}")
        expected.append(requirement_answer(text))
    bulk(expected)
    assert expected.count(ANYTHING) < TEXTS / 4
    compare(questions, expected)


def test_what_the_reference_gives_up_on_is_refused():
    texts = [
        "'a' == 'b'",
        "os_name ~= '1.0'",
        "extra === 'a'",
        "python_version ~= '3'",
        "'a' in extras",
        "'a' in dependency_groups",
    ]
    for text in texts:
        with pytest.raises((UndefinedComparison, UndefinedEnvironmentName)):
            Marker(text).evaluate(ENVIRONMENTS[0])
    compare([f"marker\t\t{text}" for text in texts], [ERROR] * len(texts))
