# SPDX-License-Identifier: Apache-2.0
"""METADATA and WHEEL, against what pip and packaging read in the same bytes."""

import email.header
import re

from packaging.metadata import ExceptionGroup, InvalidMetadata, Metadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version
from pip._internal.exceptions import UnsupportedWheel
from pip._internal.utils.wheel import check_compatibility, wheel_version

from reference import ANYTHING, CASES, ERROR, broken, check, generator

HEADERS = {
    "Metadata-Version": ["1.0", "1.1", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.99", "3.0", "2", "x"],
    "Name": ["foo", "Foo.Bar", "foo_bar", "a", "-foo", "foo bar", "", "f\u00fc"],
    "Version": ["1.0", "1.0.post1", "2!1", "1.0RC1", "1.0-x", "", "01.0"],
    "Summary": ["A thing", "UNKNOWN", "Gr\u00fc\u00dfe", ""],
    "Requires-Python": [">=3.8", ">=3.8,<4", "3.8", "", ">=3.*", "!=3.0.*, >=2.7"],
    "Requires-Dist": ["a", "b>=1", 'c[x,Y]; extra == "z"', "d (>=1,<2)", "e @ https://example.org/e.whl",
                      "g;python_version<'3'", "i<2.0a1,!=1.*", "f >= 1.x", "", "h ; extra"],
    "Provides-Extra": ["test", "Test_Docs", "a.b", "-x", "", "x y"],
    "Import-Name": ["foo", "foo.bar", "foo ; private", "_foo;private", "", "1a", "a-b"],
    "Import-Namespace": ["ns", "ns.sub", ""],
    "License-Expression": ["MIT"],
    "License-File": ["LICENSE"],
    "Dynamic": ["requires-dist", "Requires-Python", "PROVIDES-EXTRA", ""],
    "Classifier": ["Private :: x"],
    "X-Unknown": ["a: b"],
}
READ = ["Metadata-Version", "Name", "Version", "Summary", "Requires-Python", "Requires-Dist", "Provides-Extra", "Import-Name", "Dynamic"]
VALID = {"Metadata-Version": 8, "Name": 4, "Version": 4, "Requires-Dist": 7}  # so many at the beginning


def header(r, name):
    values = HEADERS[name]
    value = r.choice(values[: VALID.get(name)] if r.random() < 0.95 else values)
    key = name if r.random() < 0.9 else r.choice([name.lower(), name.upper()])
    return key + r.choice([": ", ": ", ": ", ":", ":\t", ":  "]) + value + r.choice(["", "", "", "", " ", "\n ", "\n\t"])


def metadata(r):
    lines = [header(r, name) for name in ("Metadata-Version", "Name", "Version") if r.random() < 0.98]
    lines += [header(r, r.choice([*HEADERS, "Requires-Dist", "Provides-Extra"])) for _ in range(r.randrange(6))]
    if r.random() < 0.1:
        r.shuffle(lines)
    if r.random() < 0.05:
        lines.insert(r.randrange(len(lines) + 1), r.choice(["", "From here", " folded", "no colon", ": x", "a b: c", ">x: y"]))
    end = r.choice(["\n", "\n", "\n", "\r\n", "\r"])
    text = end.join(lines).replace("\n", end) + end
    if r.random() < 0.4:
        text += end + "Body\nName: other\n"
    data = text.encode()
    return broken(r, data, ":\n\r \tA\0\u00fc") if r.random() < 0.1 else data


def one_line(value):
    return re.sub(r"\s*[\r\n]\s*", " ", value.strip())


def fields_of(message):
    """Of a field that stands once the first counts, as for every reader of email messages."""
    version = (message["Metadata-Version"] or "").strip() or "1.0"
    major, minor = map(int, re.fullmatch(r"(\d+)\.(\d+)", version, re.ASCII).groups())
    assert major <= 2
    name = message["Name"].strip()
    python = (message["Requires-Python"] or "").strip()
    try:
        python = str(SpecifierSet(one_line(python)))
    except InvalidSpecifier:
        python = ""  # pip: asks for nothing
    requires = [one_line(value) for value in message.get_all("Requires-Dist", [])]
    for value in requires:
        Requirement(value)
    return name, version, python, requires, minor if major == 2 else 0


def metadata_answer(data):
    """What the standard library's reader of messages makes of it, each value read by packaging: as pip has it."""
    if b"\0" in data:
        return ANYTHING  # refused where it matters, and no writer makes them
    message = email.message_from_string(data.decode("utf-8", "surrogateescape"))
    if any(isinstance(value, email.header.Header) for name in READ for value in message.get_all(name, [])):
        return ERROR  # no UTF-8; what is not read may be in any encoding, where pip refuses the file
    try:
        name, version, python, requires, _ = fields_of(message)
        canonicalize_name(name, validate=True)
        number = str(Version(message["Version"].strip()))
    except (AttributeError, AssertionError, InvalidName, InvalidVersion, InvalidRequirement):
        return ERROR
    extras = []
    for value in message.get_all("Provides-Extra", []):
        try:
            extras.append(canonicalize_name(value.strip(), validate=True))
        except InvalidName:
            pass
    imports = [value.partition(";")[0].strip() for value in message.get_all("Import-Name", [])]
    summaries = [one_line(value) for value in message.get_all("Summary", [])]
    fields = {"metadata_version": [version], "name": [name], "normalized": [canonicalize_name(name)],
              "version": [number], "summary": [text for text in summaries if text not in ("", "UNKNOWN")][:1], "requires_python": [python], "requires_dist": requires, "provides_extra": extras,
              "import_name": [name for name in imports if all(part.isidentifier() for part in name.split("."))],
              "dynamic": [value.strip().lower() for value in message.get_all("Dynamic", []) if value.strip()]}
    return [f"{key}={value}" for key, values in fields.items() for value in values]


def test_metadata():
    r = generator("metadata")
    texts = [metadata(r) for _ in range(CASES)]
    check([("metadata", text) for text in texts], [metadata_answer(text) for text in texts], drop="warning=")


def test_what_packaging_takes_for_valid_is_read_the_same():
    r = generator("valid metadata")
    questions, expected = [], []
    while len(questions) < CASES / 10:
        text = metadata(r)
        raw, _ = parse_email(text)
        try:
            m = Metadata.from_email(text)
            assert b"\0" not in text
        except (AssertionError, ExceptionGroup, InvalidMetadata):
            continue
        questions.append(("metadata", text))
        expected.append([f"metadata_version={m.metadata_version}", f"name={m.name}",
                         f"normalized={canonicalize_name(m.name)}", f"version={m.version}",
                         *([f"summary={m.summary.strip()}"] if (m.summary or "").strip() not in ("", "UNKNOWN") else []),
                         f"requires_python={m.requires_python or ''}",
                         *(f"requires_dist={text.strip()}" for text in raw.get("requires_dist", [])),
                         *(f"provides_extra={canonicalize_name(extra)}" for extra in m.provides_extra or []),
                         *(f"import_name={name.partition(';')[0].strip()}" for name in m.import_names or []),
                         *(f"dynamic={field}" for field in m.dynamic or [])])
    check(questions, expected, drop="warning=")


def wheel_file(r):
    version = r.choice(["1.0", "1.0", "1.0", "1", "1.9", "1.10", "2.0", "0.1", "1.0.0", "", "1.x", "-1.0", "1.0 ", "10.0"])
    lines = [f"Wheel-Version: {version}", "Generator: x (1)", f"Root-Is-Purelib: {r.choice(['true', 'false', 'True', ''])}",
             "Tag: py3-none-any"]
    r.shuffle(lines)
    text = "".join(line + "\n" for line in lines[: r.choice([4, 4, 4, 3])]).encode()
    return broken(r, text, ":\n wW1\r") if r.random() < 0.2 else text


def wheel_file_answer(data):
    message = email.message_from_string(data.decode())
    try:
        version = wheel_version(message)
        check_compatibility(version, "foo")
    except UnsupportedWheel:
        return ERROR
    if not re.fullmatch(r"\d+(\.\d+)*", message["Wheel-Version"].strip(), re.ASCII):
        return ERROR  # int() takes signs and blanks, which are in no version
    purelib = (message["Root-Is-Purelib"] or "").strip()
    return [message["Wheel-Version"].strip(), "true" if purelib.lower() == "true" else "false"]


def test_wheel_files():
    r = generator("WHEEL")
    texts = [wheel_file(r) for _ in range(CASES)]
    check([("wheel_file", text) for text in texts], [wheel_file_answer(text) for text in texts])
