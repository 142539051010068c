# SPDX-License-Identifier: Apache-2.0
"""Source distributions, against what the standard library's tarfile and zipfile find in them and packaging reads there: made ones
of every kind, and real ones from the package index."""

import gzip
import io
import json
import subprocess
import sys
import tarfile
import zipfile

import pytest
from packaging.metadata import parse_email
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from real_index import pip_env
from reference import CASES, ERROR, ask_formats, generator

# Each by another build backend: setuptools old and new, hatchling, flit, poetry-core, pdm, maturin, meson-python; and a zip archive.
REAL = ["flasgger==0.9.7.1", "localstripe==1.15.10", "hatchling==1.27.0", "flit_core==3.12.0", "poetry-core==2.1.3",
        "pdm-backend==2.4.5", "maturin==1.9.3", "contourpy==1.3.2", "azure-core==1.26.0"]

# pip has no command that fetches a source distribution without building it.
FETCH = """
import json, os, sys
from pip._internal.commands import create_command
from pip._vendor.packaging.specifiers import SpecifierSet
command = create_command("download")
options, _ = command.parse_args(["--no-binary=:all:", "-q", "x"])
fetched = {}
with command.main_context():
    session = command.get_default_session(options)
    finder = command._build_package_finder(options, session)
    for pin in sys.argv[2:]:
        name, _, version = pin.partition("==")
        link = finder.find_best_candidate(name, SpecifierSet("==" + version)).best_candidate.link
        answer = session.get(link.url_without_fragment, headers={"Accept-Encoding": "identity"})
        answer.raise_for_status()
        with open(os.path.join(sys.argv[1], link.filename), "wb") as file:
            file.write(answer.content)
        fetched[pin] = link.filename
print(json.dumps(fetched))
"""


def kind(member):
    if member.isreg() and not member.issparse():
        return "file"
    return "folder" if member.isdir() else "other"


def listing(path):
    """Of the sizes only those of files count. A path in a pax header loses its last slash in tarfile, any other only where it is that
    of a folder."""
    with tarfile.open(path, "r:gz") as tar:
        return [(m.name.rstrip("/"), kind(m), m.size if kind(m) == "file" else None) for m in tar.getmembers()]


def our_listing(answer):
    if answer is ERROR:
        return ERROR
    triples = zip(answer[::3], answer[1::3], answer[2::3], strict=True)
    return [(name.rstrip("/"), of, int(size) if of == "file" else None) for name, of, size in triples]


def file_of(path):
    """The archive's top folder, and PKG-INFO in it."""
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.count("/") == 1 and n.endswith("/PKG-INFO")]
            return names[0].partition("/")[0], archive.read(names[0])
    with tarfile.open(path, "r:gz") as archive:
        members = [m for m in archive.getmembers() if m.name.count("/") == 1 and m.name.endswith("/PKG-INFO")]
        return members[0].name.partition("/")[0], archive.extractfile(members[0]).read()


def right_answer(path):
    folder, data = file_of(path)
    raw, _ = parse_email(data)
    dynamic = [field.lower() for field in raw.get("dynamic", [])]
    counts = [field for field in ("Requires-Dist", "Requires-Python", "Provides-Extra") if field.lower() in dynamic]
    why_not = f"{counts[0]} is dynamic" if counts else "-"
    if tuple(map(int, raw["metadata_version"].split("."))) < (2, 2):
        why_not = f"its Metadata-Version is {raw['metadata_version']}"
    extras = [canonicalize_name(extra) for extra in raw.get("provides_extra", [])]
    return [folder, why_not, f"metadata_version={raw['metadata_version']}", f"name={raw['name']}",
            f"normalized={canonicalize_name(raw['name'])}", f"version={Version(raw['version'])}", f"summary={raw['summary']}",
            f"requires_python={SpecifierSet(raw.get('requires_python', ''))}",
            *(f"requires_dist={text}" for text in raw.get("requires_dist", [])), *(f"provides_extra={extra}" for extra in extras),
            *(f"import_name={name.partition(';')[0].strip()}" for name in raw.get("import_names", [])),
            *(f"dynamic={field}" for field in dynamic)]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdists")
    env = pip_env()
    run = subprocess.run([sys.executable, "-c", FETCH, folder, *REAL], env=env, capture_output=True, text=True, timeout=300,
                         check=False)
    assert run.returncode == 0, run.stderr
    return {pin: folder / file for pin, file in json.loads(run.stdout).items()}


def test_real_ones(real):
    assert list(real) == REAL
    answers = ask_formats([("sdist_info", str(path), path.name) for path in real.values()])
    for (pin, path), answer in zip(real.items(), answers, strict=True):
        assert answer is not ERROR, pin
        answer = [field for field in answer if not field.startswith("warning=")]
        assert without_blanks(answer) == without_blanks(right_answer(path)), pin
        name, _, version = pin.partition("==")
        assert f"normalized={canonicalize_name(name)}" in answer and f"version={version}" in answer
    assert {answer[1] for answer in answers} >= {"-", "its Metadata-Version is 2.1"}


def without_blanks(fields):
    """A requirement is kept as it is written, and packaging keeps it so too, but for lines that are folded."""
    return [" ".join(field.split()) for field in fields]


def test_members_of_real_ones(real):
    paths = [path for path in real.values() if path.name.endswith(".tar.gz")]
    answers = ask_formats([("tar", str(path)) for path in paths])
    for path, answer in zip(paths, answers, strict=True):
        assert our_listing(answer) == listing(path), path.name


INFO = "Metadata-Version: 2.2\nName: demo\nVersion: 1.0\nRequires-Dist: a>=1\n"
TYPES = [tarfile.REGTYPE] * 6 + [tarfile.AREGTYPE, tarfile.CONTTYPE, tarfile.DIRTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE,
                                 tarfile.FIFOTYPE, tarfile.CHRTYPE]


def member(r):
    parts = [r.choice(["a", "setup.py", "PKG-INFO", "demo.egg-info", "\u00fc", "n" * r.randrange(1, 120)]) for _ in range(r.randrange(1, 4))]
    item = tarfile.TarInfo("/".join([r.choice(["demo-1.0"] * 5 + ["."]), *parts]))
    item.type = r.choice(TYPES)
    if item.type == tarfile.AREGTYPE and len(item.name) >= 99:
        item.type = tarfile.REGTYPE  # Pythons differ in whether the cut name makes it a folder
    item.size = r.choice([0, 0, 1, 511, 512, 513, 5000]) if item.isreg() else 0
    if item.issym() or item.islnk():
        item.linkname = r.choice(["target", "t" * 150])
    if r.random() < 0.1:
        item.pax_headers = r.choice([{"path": "demo-1.0/pax"}, {"comment": "x" * r.randrange(90, 110)}, {"mtime": "1.5"}])
    return item


def archive(r):
    out = io.BytesIO()
    form = r.choice([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.PAX_FORMAT])
    with tarfile.open(fileobj=out, mode="w", format=form, pax_headers=r.choice([{}, {}, {"comment": "0123"}])) as tar:
        for _ in range(r.randrange(1, 8)):
            item = member(r)
            try:
                tar.addfile(item, io.BytesIO(r.randbytes(item.size)))
            except ValueError:  # a name that is too long for ustar
                continue
        if r.random() < 0.8:
            item = tarfile.TarInfo("demo-1.0/PKG-INFO")
            item.size = len(INFO)
            tar.addfile(item, io.BytesIO(INFO.encode()))
    return bytearray(out.getvalue())


def headers(data):
    """Where a header stands, or what looks like one."""
    return [at for at in range(0, len(data), 512) if data[at + 257 : at + 262] == b"ustar"]


def put_checksum_right(data, at):
    data[at + 148 : at + 156] = b" " * 8
    data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + 512])


def changed(r, data):
    """A field of one header that says something else, its checksum right."""
    at = r.choice(headers(data))
    what = r.randrange(6)
    if what == 0:
        data[at + 156] = ord(r.choice("01234567LKSxgXDVMNA"))
    elif what == 1:
        data[at + 124 : at + 136] = r.choice([b"00000000005\0", b"00000001000 ", b"          7 ", b"\x80" + (9).to_bytes(11, "big"), bytes(12),
                                              b"000000001000", b"\xff" * 12, b"x" * 12, b"00000000009\0"])
    elif what == 2:
        data[at + r.randrange(100)] = r.choice(b"/a.\0\xfc")
    elif what == 3:
        data[at + 345 : at + 348] = b"pre"
    elif what == 4:
        data[at + 257 : at + 265] = r.choice([bytes(8), b"ustar  \0"])
    else:
        data[at + 482] = 1
    put_checksum_right(data, at)


def pack(r, data):
    if r.random() < 0.7:
        return gzip.compress(data, 1)
    cuts = sorted(r.randrange(len(data) + 1) for _ in range(2))
    members = b"".join(gzip.compress(data[a:b], 1) for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True))
    return members + bytes(r.randrange(3))


def members_or_error(path):
    try:
        return listing(path)
    except (tarfile.TarError, EOFError, OSError, ValueError):
        return ERROR


def made(r, folder, change):
    paths = []
    for number in range(CASES // 16):
        data = archive(r)
        if change and headers(data):
            changed(r, data)
        paths.append(folder / f"{number}.tar.gz")
        paths[-1].write_bytes(pack(r, data))
    return paths


def test_members_of_made_ones(tmp_path):
    paths = made(generator("tar"), tmp_path, change=False)
    for path, answer in zip(paths, ask_formats([("tar", str(path)) for path in paths]), strict=True):
        assert our_listing(answer) == listing(path), path


def test_members_of_changed_ones(tmp_path):
    """An error is never wrong: tarfile takes much that is damaged for the end. What is listed has to be what tarfile lists."""
    paths = made(generator("changed tar"), tmp_path, change=True)
    answers = [our_listing(answer) for answer in ask_formats([("tar", str(path)) for path in paths])]
    for path, answer in zip(paths, answers, strict=True):
        assert answer is ERROR or answer == members_or_error(path), path
    assert sum(answer is ERROR for answer in answers) < len(answers) / 2


def is_info(member):
    parts = [part for part in member.name.split("/") if part not in ("", ".")]
    return len(parts) == 2 and parts[1] == "PKG-INFO" and not parts[0].endswith(".egg-info") and not member.isdir()


def test_made_ones(tmp_path):
    """The first PKG-INFO of a top folder counts, if it is a plain file and holds what it should."""
    paths = made(generator("made sdist"), tmp_path, change=False)
    answers = ask_formats([("sdist_info", str(path), "demo-1.0.tar.gz") for path in paths])
    known = 0
    for path, answer in zip(paths, answers, strict=True):
        with tarfile.open(path, "r:gz") as tar:
            first = next(filter(is_info, tar), None)
            right = first is not None and kind(first) == "file" and tar.extractfile(first).read() == INFO.encode()
        assert (answer is not ERROR) == right, path
        assert answer is ERROR or answer[:2] == ["demo-1.0", "-"], path
        known += right
    assert len(paths) / 2 < known < len(paths)
