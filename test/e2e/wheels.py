# SPDX-License-Identifier: Apache-2.0
"""Wheels and source distributions written by hand: small, without a build backend, the same bytes each time."""
import base64
import hashlib
import io
import pathlib
import re
import tarfile
import zipfile


def normalize(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def file_name(name):
    """A name as it stands in file names (PEP 427 and 625)."""
    return normalize(name).replace("-", "_")


def wheel_filename(name, version, tag="py3-none-any"):
    return f"{file_name(name)}-{version}-{tag}.whl"


def metadata_text(name, version, requires=(), requires_python=None, extras=(), extra=""):
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Provides-Extra: {e}" for e in extras]
    if requires_python:
        lines.append(f"Requires-Python: {requires_python}")
    lines += [f"Requires-Dist: {r}" for r in requires]
    return "\n".join(lines) + "\n" + extra + "\n"


def entry_points_text(entry_points):
    out = []
    for group, items in entry_points.items():
        out.append(f"[{group}]")
        out += [f"{key} = {value}" for key, value in items.items()]
        out.append("")
    return "\n".join(out)


def record_line(path, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}"


def wheel_bytes(
    name,
    version,
    requires=(),
    files=None,
    entry_points=None,
    *,
    tag="py3-none-any",
    extras=(),
    requires_python=None,
    metadata=None,
    data_files=None,
    record=None,
    dist_info=None,
    top_level=None,
):
    """The bytes of a wheel.

    files: path -> str or bytes; None gives one module named after the distribution. data_files: path below
    NAME-VERSION.data -> contents. metadata, record: the whole text instead of the one made here (record may be
    a function that gets the lines and returns lines). dist_info: further files of the dist-info.
    """
    base = f"{file_name(name)}-{version}"
    info = f"{base}.dist-info"
    if files is None:
        files = {f"{file_name(name)}/__init__.py": f"version = {str(version)!r}\n"}
    entries = dict(files)
    for path, data in (data_files or {}).items():
        entries[f"{base}.data/{path}"] = data
    if metadata is None:
        metadata = metadata_text(name, version, requires, requires_python, extras)
    entries[f"{info}/METADATA"] = metadata
    entries[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: wheels\nRoot-Is-Purelib: true\nTag: {tag}\n"
    if entry_points:
        entries[f"{info}/entry_points.txt"] = entry_points_text(entry_points)
    if top_level is not None:
        entries[f"{info}/top_level.txt"] = top_level
    for path, data in (dist_info or {}).items():
        entries[f"{info}/{path}"] = data
    entries = {k: v.encode() if isinstance(v, str) else v for k, v in entries.items()}
    lines = [record_line(path, data) for path, data in entries.items()] + [f"{info}/RECORD,,"]
    if callable(record):
        lines = record(lines)
    entries[f"{info}/RECORD"] = (record if isinstance(record, str) else "\n".join(lines) + "\n").encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for path, data in entries.items():
            item = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
            item.compress_type = zipfile.ZIP_DEFLATED
            executable = ".data/scripts/" in path
            item.external_attr = (0o100755 if executable else 0o100644) << 16
            z.writestr(item, data)
    return out.getvalue()


def make_wheel(folder, name, version, requires=(), files=None, entry_points=None, **more):
    """Writes a wheel into folder and returns its path."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / wheel_filename(name, version, more.get("tag", "py3-none-any"))
    path.write_bytes(wheel_bytes(name, version, requires, files, entry_points, **more))
    return path


def make_sdist(folder, name, version):
    """A source distribution that builds with setuptools."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    base = f"{file_name(name)}-{version}"
    path = folder / f"{base}.tar.gz"
    files = {
        "PKG-INFO": metadata_text(name, version),
        "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\n',
        f"{file_name(name)}.py": f"__version__ = {str(version)!r}\n",
    }
    with tarfile.open(path, "w:gz") as tar:
        for relative, text in files.items():
            item = tarfile.TarInfo(f"{base}/{relative}")
            item.size = len(text.encode())
            tar.addfile(item, io.BytesIO(text.encode()))
    return path
