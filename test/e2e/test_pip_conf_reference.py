# SPDX-License-Identifier: Apache-2.0
"""pip.conf, against pip's own Configuration."""

import configparser
import io

from pip._internal.configuration import Configuration, _RawConfigParser

from reference import CASES, ERROR, ask_formats, broken, generator, shown

OPTIONS = ["index-url", "index_url", "INDEX-URL", "extra-index-url", "find-links", "--pre", "pre", "no-index", "a b", "timeout"]
VALUES = ["https://example.org/simple", "true", "", "a = b : c", "1 # no comment", "%(x)s", "[x]", "\u00fc", "a\\", "; x"]


def conf(r):
    lines = [r.choice(["", "", "", "# comment", "  ; comment", "a = 1"])] if r.random() < 0.3 else []
    sections = ["global", "install", "DEFAULT", "list", "Install", "global "]
    r.shuffle(sections)
    for section in sections[: r.randrange(1, 4)]:
        indent = r.choice(["", "", "", " ", "\t"])
        lines.append(indent + f"[{section}]" + r.choice(["", "", "", " ", " trailing", "]"]))
        options = OPTIONS[:]
        r.shuffle(options)
        for option in options[: r.choice([0, 1, 1, 2, 2, 3])]:
            value = r.choice(["=", " = ", ":", " : "]) + r.choice(VALUES)
            lines.append(indent + r.choice(["", "", "", "  "]) + option + value + r.choice(["", "", " "]))
            while r.random() < 0.25:
                lines.append(r.choice(["  more", "    deep", "\tx = y", "", "   ", "# comment", "  # comment", " ; c", "  [list]"]))
    text = r.choice(["\n", "\n", "\r\n", "\r"]).join(lines) + r.choice(["\n", ""])
    return broken(r, text, "[]=:#; \n\t-_a") if r.random() < 0.15 else text


def by_pip(text):
    """As Configuration._load_file, with the text for the file; of its sections the two that `pip install` looks at."""
    parser = _RawConfigParser()
    try:
        parser.read_file(io.StringIO(text, newline=None))
    except configparser.Error:
        return ERROR
    found = {}
    for section in parser.sections():
        found.update(Configuration(isolated=True)._normalized_keys(section, parser.items(section)))
    # A list may begin in the line below the option's name. Of a single value the reference keeps that line break.
    return {key: value.lstrip("\n") for key, value in found.items() if key.startswith(("global.", "install."))}


def test_pip_conf():
    r = generator("pip.conf")
    texts = [conf(r) for _ in range(CASES)]
    expected = [by_pip(text) for text in texts]
    wrong = []
    for text, answer, right in zip(texts, ask_formats([("pip_conf", text) for text in texts]), expected):
        if answer is not ERROR:
            fields = iter(answer)
            answer = {f"{section}.{option}": value for section, option, value in zip(*[fields] * 3)
                      if section in ("global", "install")}
        if answer != right:
            wrong.append(f"{text!r}:\n  is  {shown(answer)}\n  not {shown(right)}")
    assert not wrong, f"{len(wrong)} of {CASES} differ:\n" + "\n".join(wrong[:8])
    assert CASES * 0.05 < expected.count(ERROR) < CASES * 0.6
