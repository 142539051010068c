# SPDX-License-Identifier: Apache-2.0
"""Another image over the same volume: one with another Python, and those whose base lacks a distribution, has a new one, or another version."""

import re
import shutil
import zipfile

from conftest import LOADED, MARKER
from containers import VOLUME, bind
from wheels import make_wheel

TYPEDB = "localstack-extension-typedb"
TYPEDB_BRINGS = {TYPEDB, "httpx", "httpcore", "anyio"}
CONTENT = "nothing is wrong with "
SITE = "/opt/code/localstack/.venv/lib/python3.13/site-packages"
VENV = f"{VOLUME}/lib/extensions/python_venv"
EXTENSIONS_SITE = f"{VENV}/lib/python3.13/site-packages"
BASE_CHANGED = f"localstack-entrypoint: preparing the extensions: the distributions in {SITE} changed"

# Says at LocalStack's start whom it imports.
HOOK = """
import importlib.metadata
import small
from localstack.runtime import hooks

@hooks.on_infra_start()
def say():
    print("leaning", importlib.metadata.version("leaning"), "imports small", small.version, "from", small.__file__, flush=True)
"""


def owner_and_mode(path):
    seen = path.lstat()
    return seen.st_uid, seen.st_gid, oct(seen.st_mode)


def test_what_is_there_stays_as_it_is(images):
    """Folders above all, which the copy of ours is laid over."""
    ours, base = images["editable"].files, images["base-editable"].files
    folders = [path.relative_to(base) for path in base.rglob("*") if path.is_dir() and not path.is_symlink() and "apt" not in path.parts]
    assert len(folders) > 1000 and owner_and_mode(base / "opt/code/localstack")[2] == "0o40777"
    assert {path: owner_and_mode(ours / path) for path in folders} == {path: owner_and_mode(base / path) for path in folders}


def content(container):
    assert container.execute("localstack-extensions", "check").stdout.startswith(CONTENT)


def version_of(container):
    return re.search(r"[\d.]+", container.execute("/opt/code/localstack/.venv/bin/python3", "--version").stdout)[0]


def test_an_image_with_another_python(images, start, unchanged, index, folder):
    """The venv is made anew for it, with what was installed by hand, of which the index knows nothing."""
    names = {MARKER, "localstack-extension-mailhog", *TYPEDB_BRINGS}
    wheel = make_wheel(folder / "wheels", "hand", "1.0")
    options = {"env": {"EXTENSION_AUTO_INSTALL": f"{MARKER},localstack-extension-mailhog,{TYPEDB}", "PIP_INDEX_URL": index.url},
               "mounts": [bind(wheel.parent, "/wheels", "ro")]}
    before = None
    for name in ("editable", "bookworm", "editable"):
        container = start(image=images[name], **options)
        container.next(LOADED)
        container.ready()
        said, version = "\n".join(container.said_by_us()), version_of(container)
        if before:
            assert "preparing the extensions: LocalStack's own venv is not the one that the last sync saw in /opt/code/localstack/.venv" in said
            assert f"the extensions' venv is made anew: it was made for Python {before}, and this is Python {version}" in said
            assert re.search(r"installed anyio \S+, hand 1\.0, httpcore .*: resolved in .*, downloaded 0 ", said), said
            assert "warning" not in said and "error" not in said
        else:
            assert container.listed().keys() == names
            container.execute(f"{VENV}/bin/pip", "install", "--no-index", f"/wheels/{wheel.name}")
        assert container.listed().keys() == names | {"hand"}
        listing = container.execute("localstack-extensions", "list").stdout
        assert re.search(rf"^hand +1\.0 +installed by hand, from file:///wheels/{wheel.name}$", listing, re.M), listing
        content(container)
        assert container.execute(f"{VENV}/bin/python", "-c", "import hand, httpx; print(hand.version)").stdout == "1.0\n"
        assert container.stop()[0] == 0
        if not before:  # what pip did is looked at once
            assert start("true", image=images[name], network="none", **options).wait() == (
                0, "localstack-entrypoint: preparing the extensions: somebody changed the extensions venv's lib/python3.13/site-packages")
        unchanged(image=images[name], **options)
        before = version


def add_leaning(index, version, requires):
    index.add("leaning", version, [requires], files={"leaning.py": HOOK},
              entry_points={"localstack.hooks.on_infra_start": {"say": "leaning:say"}})


def with_small(start, image, folder, version):
    """The image's files, and in its base a distribution that its LocalStack does without."""
    files = start.files(image)
    with zipfile.ZipFile(make_wheel(folder / "new", "small", version)) as wheel:
        wheel.extractall(files.path / SITE[1:])
    return files


def test_a_base_without_with_and_with_a_newer_one(images, start, unchanged, index, folder):
    """What the extensions lean on comes from the base where it has it, else from the index; LocalStack imports that one."""
    for version in ("1.0", "1.1", "2.0"):
        index.add("small", version)
    add_leaning(index, "1.0", "small<2")
    add_leaning(index, "2.0", "small>=2")
    bases = {version: with_small(start, images["editable"], folder, version) for version in ("1.0", "2.0")}
    bases["without"] = start.files(images["editable"])
    env = {"EXTENSION_AUTO_INSTALL": "leaning", "PIP_INDEX_URL": index.url}

    def boot(base, imports, listed, *said):
        container = start(files=bases[base], env=env)
        assert container.next("^leaning ") == f"leaning {listed['leaning']} imports small {imports}/small/__init__.py"
        container.ready()
        got = [re.sub(r": resolved in .*| in \d.*", "", line.removeprefix("localstack-extensions: ")) for line in container.said_by_us()]
        assert got[0] == BASE_CHANGED or not said
        assert [line for line in got[1:] if line.startswith(("installed", "removed"))] == [*said] or not said, got
        assert not [line for line in got if "warning" in line or "error" in line], got
        assert container.listed() == listed
        content(container)
        assert container.stop()[0] == 0
        unchanged(files=bases[base], env=env)

    goes = "removed small 1.1: LocalStack itself has small {}, which it would import all the same"
    boot("1.0", f"1.0 from {SITE}", {"leaning": "1.0"})
    boot("without", f"1.1 from {EXTENSIONS_SITE}", {"leaning": "1.0", "small": "1.1"}, "installed small 1.1")
    boot("1.0", f"1.0 from {SITE}", {"leaning": "1.0"}, goes.format("1.0"), "removed 1 distribution")
    boot("without", f"1.1 from {EXTENSIONS_SITE}", {"leaning": "1.0", "small": "1.1"}, "installed small 1.1")
    # No version of small that the extension of before can use: so the extension changes.
    boot("2.0", f"2.0 from {SITE}", {"leaning": "2.0"}, goes.format("2.0"), "installed leaning 2.0 (was 1.0)")
    boot("1.0", f"1.0 from {SITE}", {"leaning": "1.0"}, "installed leaning 1.0 (was 2.0)")


def test_a_newer_base_that_an_extension_cannot_use(images, start, unchanged, index, folder):
    """It alone is set aside, at each boot, until the image is another again."""
    index.add("strict", "1.0", ["small<2"])
    old, new = (with_small(start, images["editable"], folder, version) for version in ("1.0", "2.0"))
    options = {"env": {"EXTENSION_AUTO_INSTALL": f"strict,{MARKER}", "PIP_INDEX_URL": index.url}}
    status, said = start("true", files=old, **options).wait()
    assert status == 0 and f"installed {MARKER} 1.0.0, strict 1.0: " in said, said
    set_aside = "error: strict (EXTENSION_AUTO_INSTALL) is set aside: strict 1.0 requires small<2, but LocalStack itself has small 2.0."
    for _ in range(2):
        container = start(files=new, **options)
        container.next(LOADED)
        container.ready()
        assert f"localstack-extensions: {set_aside}" in container.said_by_us()
        assert container.stop()[0] == 0
    status, said = start("true", files=old, **options).wait()
    assert status == 0 and said.startswith(BASE_CHANGED) and "error" not in said, said
    unchanged(files=old, **options)


def test_a_base_without_a_real_one(images, start, unchanged, index):
    """jinja2, which a real extension needs, and which LocalStack starts without."""
    without = start.files(images["editable"])
    found = [*(without.path / SITE[1:]).glob("[jJ]inja2*")]
    assert len(found) == 2, found
    for path in found:
        shutil.rmtree(path)
    options = {"env": {"EXTENSION_AUTO_INSTALL": f"{MARKER},localstack-extension-diagnosis-viewer", "PIP_INDEX_URL": index.url}}
    names = {MARKER, "localstack-extension-diagnosis-viewer", "diapretty"}
    for files, there in ((without, names | {"jinja2"}), (None, names), (without, names | {"jinja2"})):
        container = start(files=files, **options)
        container.next(LOADED)
        container.ready()
        assert container.listed().keys() == there
        content(container)
        assert container.stop()[0] == 0
        unchanged(files=files, **options)
