# SPDX-License-Identifier: Apache-2.0
"""Requirements files, against the newest pip's own parser: how lines are put together and taken apart, and what the
options in them say."""

import os
import re
import shlex

import pytest
from pip._internal.exceptions import CommandError
from pip._internal.models.format_control import FormatControl
from pip._internal.req.req_file import (
    OptionParsingError,
    _decode_req_file,
    break_args_options,
    build_parser,
    get_line_parser,
    preprocess,
)

from reference import ANYTHING, CASES, ERROR, ask_formats, broken, generator, shown

VARIABLES = {"REFERENCE_TOKEN": "s3cret", "REFERENCE_EMPTY": "", "REFERENCE_ODD": "a #b -r \\ 'c'"}
REQUIREMENTS = ["foo", "foo==1.0", "Foo_Bar[a,b]>=1,<2", "foo ; python_version < '3'", 'foo; extra == "a b"', "./a/b.whl",
                "foo @ https://u:p@example.org/foo-1.0-py3-none-any.whl#sha256=00", "https://example.org/a.whl#egg=a",
                "git+https://example.org/a@v#egg=a", "file:///a", "foo -bar", "foo-bar", "foo - x", "${REFERENCE_TOKEN}",
                "a${REFERENCE_EMPTY}b", "c ${REFERENCE_ODD}", "${reference_token}", "$REFERENCE_TOKEN", "${REFERENCE_ABSENT}",
                "f\u00fc", "foo\u00a0bar"]
OPTIONS = ["-i https://example.org/simple", "--index-url=https://example.org/simple", "--index-url https://u:p@example.org/",
           "-ihttps://example.org", "--pypi-url x", "--extra-index-url https://b.example/", "--no-index", "-f /links",
           "--find-links ./links", "--find-links='a b'", "-c c.txt", "-cc.txt", "--constraint=c.txt", "-r r.txt", "-r 'r s.txt'",
           "--requirement r.txt", "-e .", "-e ./a", "--editable git+https://example.org/a#egg=a", "-e a[b]", "--pre",
           "--prefer-binary", "--no-binary :all:", "--no-binary=a,b", "--only-binary :none:", "--only-binary a", "--require-hashes",
           "--trusted-host example.org", "--trusted-host=a.example:8443", "--use-feature fast-deps", "--use-feature=fast-deps",
           "--all-releases a", "--all-releases=:all:", "--only-final b", "--no-require-hashes", "--ind=x", "--pr", "--re", "-x",
           "--nonsense", "--no-index=1", "-r", "--hash", "--", "-- x", "-", "word", "--index-url \\\\ x", "'--pre'", '--find-links "a'"'"]
OF_REQUIREMENTS = ["--hash=sha256:" + "ab" * 32, "--hash sha512:00", "--hash=sha384:x", "--hash=md5:00", "--hash sha256",
                   "--hash=", "--config-settings a=b", '-C "a=b c"', "--config-settings=x", "--config-settings a=b=c", "-Ca=",
                   "--global-option=x", "--pre", "-i x", "word", "--no-binary a"]


def logical(r):
    kind = r.random()
    if kind < 0.45:
        words = [r.choice(REQUIREMENTS)]
        while r.random() < 0.3:
            words.append(r.choice(OF_REQUIREMENTS[:8] if r.random() < 0.7 else OF_REQUIREMENTS))
    elif kind < 0.9:
        words = [r.choice(OPTIONS[:34] if r.random() < 0.85 else OPTIONS)]
        while r.random() < 0.15:
            words.append(r.choice([*OPTIONS[:34], *OF_REQUIREMENTS[:10]]))
    else:
        words = [r.choice(["", "   ", "# comment", "  # comment", "#", "\\", "# comment \\", "\t"])]
    text = r.choice([" ", " ", " ", "  ", " \\\n", " \\\n   ", "\\\n", "\t"]).join(words)
    return r.choice(["", "", "", " ", "\t"]) + text + r.choice(["", "", "", "", " # comment", "#x", " #", " \\", "\t# a \\", " "])


def requirements(r):
    end = r.choice(["\n", "\n", "\n", "\r\n", "\r"])
    text = "\n".join(logical(r) for _ in range(r.randrange(1, 7))) + r.choice(["\n", "\n", ""])
    if r.random() < 0.2:
        text = broken(r, text, "\\#-='\" \n\t$[;\u0085\x0c\x1c")
    coding = r.random()
    if coding < 0.03:
        text = r.choice(["# -*- coding: latin-1 -*-", "# coding=utf-8", "# vim: set fileencoding=iso-8859-1 :"]) + "\n" + text
    text = text.replace("\n", end)
    encoding = r.choice(["utf-8-sig", "utf-16", "utf-32", "latin-1"]) if r.random() < 0.1 else "utf-8"
    return text.encode(encoding, "replace")


def hashes_of(words):
    found = {}
    for value in words:
        name, _, digest = value.partition(":")
        found.setdefault(name, []).append(digest)
    return found


def settings_of(words):
    found = {}
    for value in words:
        key, _, value = value.partition("=")
        found[key] = value if key not in found else [*(found[key] if isinstance(found[key], list) else [found[key]]), value]
    return found


def options_of(text):
    """The options of a requirement, as they are handed on."""
    words = shlex.split(text)
    return {"hashes": hashes_of(word[7:] for word in words if word.startswith("--hash=")),
            "config_settings": settings_of(word[18:] for word in words if word.startswith("--config-settings="))}


FLAGS = {"--no-index": "no_index", "--pre": "pre", "--prefer-binary": "prefer_binary", "--require-hashes": "require_hashes",
         "--no-require-hashes": "no_require_hashes"}
LISTS = {"--extra-index-url": "extra_index_urls", "--find-links": "find_links", "--trusted-host": "trusted_hosts"}


class Effects:
    """What the options of one line come to."""

    def __init__(self):
        self.found, self.format = {}, FormatControl(set(), set())
        self.releases = []

    def add(self, name, value):
        if name in FLAGS:
            self.found[FLAGS[name]] = True
        elif name in LISTS:
            self.found.setdefault(LISTS[name], []).append(value)
        elif name == "--index-url" and not value:
            pass
        elif name == "--index-url":
            self.found["index_url"] = value
        elif name == "--use-feature":
            pass  # what pip may do otherwise; its list of them is another in each release, and one for all lines
        elif name == "--no-binary":
            FormatControl.handle_mutual_excludes(value, self.format.no_binary, self.format.only_binary)
        elif name == "--only-binary":
            FormatControl.handle_mutual_excludes(value, self.format.only_binary, self.format.no_binary)
        else:
            assert name in ("--all-releases", "--only-final"), name
            self.releases.append(name)

    def all(self):
        return {**self.found, "format": (self.format.no_binary, self.format.only_binary), "releases": bool(self.releases)}


def effects_of_pip(opts):
    keys = [*FLAGS.values(), *LISTS.values(), "index_url"]
    control = opts.release_control
    return {**{key: getattr(opts, key) for key in keys if getattr(opts, key)},
            "format": (opts.format_control.no_binary, opts.format_control.only_binary),
            "releases": bool(control and (control.all_releases or control.only_final))}


def leftover(line):
    """The words of a line that begins with an option that belong to none; a "--" alone is one as well."""
    parser = build_parser()
    if line == "--":
        return [line]
    return parser.parse_args(shlex.split(break_args_options(line)[1]), parser.get_default_values())[1]


# Options that are known here and in other releases of pip: older ones have --global-option, each its own features. And
# names of projects that begin with a dash, which the newest refuses by themselves.
OTHERS = re.compile("--use-feature|--glo|requires 1 argument")


def by_pip(data):
    try:
        text = _decode_req_file(data, "requirements.txt")
    except (UnicodeDecodeError, LookupError):
        return ERROR
    if "\0" in text:
        return ANYTHING  # no text file
    parse, lines = get_line_parser(None), []
    for number, line in preprocess(text):
        try:
            args, opts = parse(line)
        except (OptionParsingError, CommandError) as e:
            lines.append((number, ANYTHING if OTHERS.search(str(e.args or e.msg)) else "error"))
            continue
        options = {"hashes": opts.hashes or {}, "config_settings": opts.config_settings or {}}
        if args:
            lines.append((number, "requirement", args.strip(), options))
        elif not opts.editables and (any(options.values()) or leftover(line)):
            lines.append((number, "error"))  # pip passes over these: a requirement would be missing without a word
        elif opts.editables:
            lines.append((number, "editable", opts.editables[0], {**options, "hashes": {}}))
        elif opts.requirements or opts.constraints:
            kind = "include" if opts.requirements else "constraint"
            lines.append((number, kind, (opts.requirements or opts.constraints)[0]))
        else:
            lines.append((number, "options", effects_of_pip(opts)))
    return lines


def line_of(number, items):
    """What the items of one logical line come to, by pip's rules for lines with several."""
    if any(kind == "error" for kind, *_ in items):
        return (number, "error")
    kind, name, value, options = items[0]
    if kind == "requirement":
        return (number, kind, value, options_of(options))
    editables = [item for item in items if item[1] == "--editable"]
    if editables:
        # --hash means nothing to pip there; here it is handed on, to be refused with the rest of hash checking.
        return (number, "editable", editables[0][2], {**options_of(editables[0][3]), "hashes": {}})
    for wanted in ("include", "constraint"):
        for kind, name, value, options in items:
            if kind == wanted:
                return (number, kind, value)
    effects = Effects()
    try:
        for _, name, value, _ in items:
            effects.add(name, value)
    except CommandError:
        return (number, ANYTHING)
    return (number, "options", effects.all())


def lines_of(answer):
    if answer is ERROR:
        return ERROR
    groups, fields = {}, iter(answer)
    for kind, number, name, value, options in zip(*[fields] * 5):
        groups.setdefault(int(number), []).append((kind, name, value, options))
    return [line_of(number, items) for number, items in groups.items()]


def same(answer, right):
    if ERROR in (answer, right):
        return answer is right
    known = {line[0] for line in right if line[1] is not ANYTHING}
    return [line for line in answer if line[0] in known] == [line for line in right if line[0] in known]


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


def test_requirements_files():
    assert "REFERENCE_TOKEN" in os.environ
    r = generator("requirements file")
    texts = [requirements(r) for _ in range(CASES // 2)]
    wrong, whole = [], 0
    for text, answer in zip(texts, ask_formats([("requirements", text) for text in texts])):
        answer, right = lines_of(answer), by_pip(text)
        whole += right not in (ERROR, ANYTHING) and not any("error" in line for line in right)
        if right is not ANYTHING and not same(answer, right):
            differ = [pair for pair in zip(answer, right) if pair[0] != pair[1]] if ERROR not in (answer, right) else []
            wrong.append(f"{text!r}:\n  is  {shown(answer)}\n  not {shown(right)}\n  {differ[:1]}")
    assert not wrong, f"{len(wrong)} of {len(texts)} differ:\n" + "\n".join(wrong[:8])
    assert whole > CASES / 8
