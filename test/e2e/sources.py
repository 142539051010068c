# SPDX-License-Identifier: Apache-2.0
"""Source distributions that need nothing from an index to be built: their build back end is their own."""

import io
import pathlib
import tarfile
import textwrap

from wheels import file_name, metadata_text, wheel_bytes, wheel_filename

BACKEND = """
import os, shutil, zipfile
WHEEL = {wheel!r}
def deed():
    pass
{deed}
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    os.environ["SAID"] = str(config_settings)
    with zipfile.ZipFile("made") as z:
        names = [name for name in z.namelist() if ".dist-info/" in name]
        z.extractall(folder, names)
    return names[0].split("/")[0]
def build_wheel(folder, config_settings=None, metadata_directory=None):
    os.environ["SAID"] = str(config_settings)
    deed()
    shutil.copy("made", os.path.join(folder, WHEEL))
    return WHEEL
"""

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


# A back end that is a distribution of its own: each of its versions makes the wheel that the source has for it.
TINY = """
import os, shutil
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = open("name").read()
    shutil.copy("made-{version}", os.path.join(folder, name))
    return name
"""


def tiny(version):
    """As make_wheel wants it."""
    return "tiny-backend", version, (), {"tiny_backend.py": TINY.format(version=version)}


def make_tiny_source(folder, name, version, backends, requires=("tiny-backend",)):
    """One that a tiny back end builds; its module says which version of that did."""
    files = {"PKG-INFO": metadata_text(name, version), "name": wheel_filename(name, version),
             "pyproject.toml": f'[build-system]\nrequires = {list(requires)!r}\nbuild-backend = "tiny_backend"\n'}
    for backend in backends:
        files[f"made-{backend}"] = wheel_bytes(name, version, files={f"{file_name(name)}/__init__.py": f"backend = {backend!r}\n"})
    return write_source(folder, name, version, files)


def make_source(folder, name, version, requires=(), *, static=False, says=None, deed="", **wheel):
    """static: PKG-INFO says that what it requires is what any build requires (PEP 643); says: what it says instead. deed: the body of
    a function that the build runs."""
    info = metadata_text(name, version, requires if says is None else says)
    body = f"def deed():\n{textwrap.indent(textwrap.dedent(deed), '    ')}\n" if deed else ""
    files = {
        "PKG-INFO": info.replace("Metadata-Version: 2.1", "Metadata-Version: 2.2") if static else info,
        "pyproject.toml": PYPROJECT,
        "backend.py": BACKEND.format(wheel=wheel_filename(name, version), deed=body),
        "made": wheel_bytes(name, version, requires, **wheel),
    }
    return write_source(folder, name, version, files)


def write_source(folder, name, version, files):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    base = f"{file_name(name)}-{version}"
    path = folder / f"{base}.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for relative, content in files.items():
            content = content.encode() if isinstance(content, str) else content
            item = tarfile.TarInfo(f"{base}/{relative}")
            item.size = len(content)
            tar.addfile(item, io.BytesIO(content))
    return path


LIVE_BACKEND = """
import base64, hashlib, os, pathlib, zipfile
NAME, VERSION, REQUIRES = {name!r}, {version!r}, {requires!r}
def build_wheel(folder, config_settings=None, metadata_directory=None):
    info = NAME + "-" + VERSION + ".dist-info"
    text = "Metadata-Version: 2.1\\nName: " + NAME + "\\nVersion: " + VERSION + "\\n"
    files = {{info + "/METADATA": (text + "".join("Requires-Dist: " + r + "\\n" for r in REQUIRES)).encode(),
             info + "/WHEEL": b"Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}}
    for path in pathlib.Path(NAME).rglob("*"):
        if path.is_file():
            files[str(path)] = path.read_bytes()
    pathlib.Path("written-by-the-build").write_text("")
    wheel = NAME + "-" + VERSION + "-py3-none-any.whl"
    record = ""
    with zipfile.ZipFile(os.path.join(folder, wheel), "w") as z:
        for path, data in files.items():
            z.writestr(path, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            record += path + ",sha256=" + digest + "," + str(len(data)) + "\\n"
        z.writestr(info + "/RECORD", record + info + "/RECORD,,\\n")
    return wheel
"""


def make_folder(folder, name, version, requires=(), files=None, project=True):
    """A project whose wheel has what its package has when it is built; `project`: its pyproject.toml says what it is called."""
    folder = pathlib.Path(folder)
    package = folder / file_name(name)
    package.mkdir(parents=True, exist_ok=True)
    files = {"__init__.py": f"version = '{version}'\n"} if files is None else files
    for relative, text in files.items():
        (package / relative).parent.mkdir(parents=True, exist_ok=True)
        (package / relative).write_text(text)
    listed = "".join(f'"{r}", ' for r in requires)
    said = f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = [{listed}]\n' if project else ""
    (folder / "pyproject.toml").write_text(said + PYPROJECT)
    (folder / "backend.py").write_text(LIVE_BACKEND.format(name=file_name(name), version=version, requires=list(requires)))
    return folder
