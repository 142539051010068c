# SPDX-License-Identifier: Apache-2.0
"""entry_points.txt, RECORD and direct_url.json, against Python's own readers, pip and packaging."""

import configparser
import csv
import importlib.metadata
import io
import json

from packaging.direct_url import DirectUrl, DirectUrlValidationError

from reference import ANYTHING, CASES, ERROR, ask_formats, broken, check, generator, shown

GROUPS = ["console_scripts", "gui_scripts", "localstack.extensions", "a", "A b", "plux"]
VALUES = ["m:o", "m.n:o.p", "m", "m : o", "m:o [x, y]", "m[x]", "\u00fc:\u00f6", "m:o;x", "m:", ":o", "", "some text", "m:o()",
          "a=b", "m:o # c"]


def entry_points(r):
    lines = []
    for _ in range(r.randrange(1, 4)):
        group = r.choice(GROUPS)
        values = VALUES[:4] if group.endswith("_scripts") and r.random() < 0.9 else VALUES
        lines.append(r.choice(["", "", "", " "]) + f"[{group}]" + r.choice(["", "", "", " "]))
        for _ in range(r.randrange(4)):
            entry = r.choice(["x", "y", "X", "x-y.z", "x:y", "x y", "z"]) + r.choice([" = ", "=", "= "]) + r.choice(values)
            lines.append(r.choice(["", "", "", "  "]) + entry + r.choice(["", "", " "]))
        if r.random() < 0.3:
            lines.append(r.choice(["", "# comment", "; comment", "   ", "  # x = y", "   m:o", "alone"]))
    text = r.choice(["\n", "\n", "\r\n"]).join(lines) + "\n"
    return broken(r, text, "[]=:#; \nxm\u00fc") if r.random() < 0.15 else text


def reference_of(value):
    match = importlib.metadata.EntryPoint.pattern.match(value)
    return (match["module"], match["attr"] or "") if match else (value, "")


def entries(triples):
    """A dictionary, as what is installed has one script or entry of each name: the last one counts."""
    found = {(group, name): reference_of(value) for group, name, value in triples}
    if any(group in ("console_scripts", "gui_scripts") and not importlib.metadata.EntryPoint.pattern.match(value)
           for group, name, value in triples):
        return ERROR
    return found


class Sensitive(configparser.RawConfigParser):
    optionxform = staticmethod(str)


def by_configparser(text):
    """The format as its specification has it. (Sections and entries that stand twice are read by nobody as errors.)"""
    parser = Sensitive(delimiters=("=",), strict=False, default_section=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        return ERROR
    return entries([(group.strip(), name, " ".join(value.split("\n")).strip())
                    for group in parser.sections() for name, value in parser.items(group)])


def by_importlib(text):
    """What finds entry points when a program runs, and what pip makes scripts from."""
    try:
        points = list(importlib.metadata.EntryPoints._from_text(text))
    except TypeError:
        return ERROR  # a line without "="
    return entries([(point.group.strip(), point.name, point.value) for point in points])


def by_both(text):
    """importlib's reading, to whom indentation says nothing, of a file without what only configparser knows: comments
    with a semicolon, and values that go on in a deeper line, one that holds no "=" and begins no group."""
    lines, depth = [], None
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        indent = len(line) - len(line.lstrip())
        if depth is not None and indent > depth and "=" not in line and stripped[0] != "[":
            lines[-1] += " " + stripped
            continue
        if stripped[0] == "[":
            name, closed, _ = stripped[1:].rpartition("]")
            if not closed or not name.strip() or set(name) & set("[]"):
                return ERROR  # not closed: more likely a slip than an entry; brackets inside: no two readers agree
            stripped = f"[{name}]"
        elif stripped[0] == "=" or not lines:
            return ERROR
        lines.append(stripped)
        depth = None if stripped[0] == "[" else indent
    return by_importlib("\n".join(lines))


def test_entry_points():
    r = generator("entry_points")
    texts = [entry_points(r) for _ in range(CASES)]
    agreed, wrong = 0, []
    for text, answer in zip(texts, ask_formats([("entry_points", text) for text in texts])):
        if answer is not ERROR:
            fields = iter(answer)
            answer = {(group, name): (module, attribute) for group, name, module, attribute in zip(*[fields] * 4)}
        first, second = by_configparser(text), by_importlib(text)
        both = by_both(text)
        if first == second is not ERROR and both is not ERROR:
            agreed += 1
            assert both == first
        if answer != both:
            wrong.append(f"{text!r}:\n  is  {shown(answer)}\n  not {shown(both)}")
    assert not wrong, f"{len(wrong)} of {CASES} differ:\n" + "\n".join(wrong[:8])
    assert agreed > CASES / 3


def record(r):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=r.choice(["\n", "\r\n"]), quoting=r.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    for _ in range(r.randrange(1, 5)):
        path = r.choice(["a.py", "a,b.py", 'a"b.py', "\u00fc.py", " a ", "../../bin/x", "a\nb", "foo-1.0.dist-info/RECORD"])
        digest = r.choice(["sha256=abc_-1", "", "sha512=x", "SHA256=abc==", "sha256=" + "A" * 43, "abc", "sha256="])
        row = [path, digest if r.random() < 0.9 else "md5=1/2", r.choice(["", "0", "12", "4096", "-1", "x", "1" * 30])]
        if digest in ("abc", "sha256=") and r.random() < 0.8:
            row[1] = ""
        if row[2] in ("-1", "x", "1" * 30) and r.random() < 0.8:
            row[2] = "1"
        writer.writerow(row if r.random() < 0.97 else row[: r.randrange(1, 3)] + r.choice([[], ["", ""]]))
        if r.random() < 0.05:
            out.write("\n")
    text = out.getvalue()
    return broken(r, text, '",\n\ra=') if r.random() < 0.15 else text


def record_answer(text):
    """csv.reader's rows, with the fields that the specification allows in them; and no more leniency than that, since
    what RECORD says is what is trusted."""
    fields = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), strict=True):
            if not row:
                continue
            path, digest, size = row
            if not path or not (size.isascii() and size.isdigit() and int(size) <= 2**42 or not size):
                return ERROR
            algorithm, equals, value = digest.partition("=")
            value = value.rstrip("=")
            plain = f"{algorithm}{value}".replace("-", "").replace("_", "")
            if digest and not (algorithm and value and plain.isascii() and plain.isalnum() | (not plain)):
                return ERROR
            fields += [path, algorithm.lower() if digest else "-", value if digest else "-", str(int(size)) if size else "-1"]
    except (csv.Error, ValueError):
        return ERROR
    return fields


def test_records():
    r = generator("record")
    texts = [record(r) for _ in range(CASES)]
    check([("record", text) for text in texts], [record_answer(text) for text in texts])


def test_lines_of_records_are_written_for_every_reader():
    r = generator("record line")
    paths = ["".join(r.choice('ab/.,"\' \n\r\t\u00fc-') for _ in range(r.randrange(1, 9))) for _ in range(CASES)]
    for path, (line,) in zip(paths, ask_formats([("record_line", path) for path in paths])):
        assert list(csv.reader(io.StringIO(line, newline=""), strict=True)) == [[path, "sha256=abc", "12"]]


def url(r):
    user = r.choice(["", "", "git@", "user:secret@", "${USER}:${PASS}@", "${USER}@", "${USER}:secret@", "token@", "${A}x@",
                     "user:${PASS}@", "git:x@", "${a-b}@", "${}@", "a@b:c@"])
    return (r.choice(["https://", "http://", "git+ssh://", "file://"]) + user
            + r.choice(["example.org", "example.org:8080", "", "[::1]"])
            + r.choice(["/a/b.whl", "/a@b/c.whl", "", "/a%20b.whl", "?x=@"]) + r.choice(["", "#sha256=00", "?q=u@h"]))


def test_direct_urls_that_are_written():
    """Valid by packaging's reader, and without credentials by its rule."""
    r = generator("direct_url")
    urls = [url(r) for _ in range(CASES)]
    for given, (text, _) in zip(urls, written([("archive", given, "ab" * 32) for given in urls])):
        found = DirectUrl.from_dict(json.loads(text))
        assert found.archive_info.hashes == {"sha256": "ab" * 32}
        clean = DirectUrl(url=given, archive_info=found.archive_info).to_dict()["url"]
        assert found.url == clean, given
        assert json.loads(text)["archive_info"]["hash"] == "sha256=" + "ab" * 32  # for readers older than `hashes`


def written(questions):
    """What is written, and the reference that leads there again, of (kind, url, sha256 or "editable", vcs, revision, commit, subdirectory)."""
    return ask_formats([("write direct_url", *question, *[""] * (7 - len(question))) for question in questions])


def test_direct_urls_of_repositories_and_folders():
    """As pip reads and freezes them."""
    r = generator("kinds of direct_url")
    questions = []
    for _ in range(CASES):
        subdirectory = r.choice(["", "", "sub", "a/b c"])
        if r.random() < 0.5:
            questions.append(("folder", "file:///a%20b/c", r.choice(["", "editable"]), "", "", "", subdirectory))
        else:
            questions.append(("repository", url(r), "", "git", r.choice(["", "main", "v1.0", "feature/x"]), "ab" * 20, subdirectory))
    for question, (text, reference) in zip(questions, written(questions)):
        kind, given, editable, vcs, revision, commit, subdirectory = question
        found = DirectUrl.from_dict(json.loads(text))
        assert found.subdirectory == (subdirectory or None)
        if kind == "folder":
            assert found.dir_info.editable == (True if editable else None) and found.url == given
            assert reference == given + (f"#subdirectory={subdirectory}" if subdirectory else "")
            continue
        clean = found.to_dict()["url"]  # without credentials, by its rule
        assert found.url == clean
        info = found.vcs_info
        assert (info.vcs, info.requested_revision, info.commit_id) == (vcs, revision or None, commit)
        assert reference == f"git+{clean}@{commit}" + (f"#subdirectory={subdirectory}" if subdirectory else "")


def direct_url(r):
    data = {"url": r.choice(["https://example.org/a.whl", "file:///a", 1, None, ""])}
    if r.random() < 0.85:
        data["archive_info"] = r.choice([
            {}, {"hashes": {"sha256": "ab"}}, {"hash": "sha256=ab"}, {"hash": "md5=1"}, {"hashes": {"md5": "1"}}, [],
            {"hash": "sha256=ab", "hashes": {"sha256": "ab"}}, {"hash": "sha256=cd", "hashes": {"sha256": "ab"}}, None,
            {"hashes": {"sha256": 1}}, {"hashes": []}, {"hash": "x"}, {"hash": 1}])
    if r.random() < 0.2:
        data[r.choice(["dir_info", "vcs_info"])] = r.choice([{}, {"editable": True}, {"vcs": "git", "commit_id": "1"}])
    text = json.dumps(data)
    return broken(r, text, '{}":,') if r.random() < 0.1 else text


def direct_url_answer(text):
    """What is read of a valid file. Others say what they can: the distribution is installed, whoever wrote this."""
    try:
        data = json.loads(text)
        found = DirectUrl.from_dict(data)
    except (DirectUrlValidationError, ValueError, AttributeError):
        return ANYTHING
    hashes = (found.archive_info.hashes if found.archive_info else None) or {}
    return [found.url, hashes.get("sha256", "-")]


def test_direct_urls_that_are_read():
    r = generator("read direct_url")
    questions, expected = [], []
    while len(questions) < CASES:
        text = direct_url(r)
        answer = direct_url_answer(text)
        if answer is not ANYTHING or r.random() < 0.05:
            questions.append(("direct_url", text))
            expected.append(answer)
    check(questions, expected)
