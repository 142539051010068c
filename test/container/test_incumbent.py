# SPDX-License-Identifier: Apache-2.0
"""The same extensions on the same LocalStack, by today's entrypoint and installer and by ours: how long until LocalStack is ready. The figures
are printed and nothing is asked of them; what is asked is that no pip runs with ours, and that an unchanged boot starts nothing at all."""

import os
import shutil
import statistics

import pytest

from conftest import LOADED, MARKER, REAL
from containers import VOLUME, bind

RUNS = int(os.environ.get("CONTAINER_RUNS") or "1")
EXTENSIONS = ",".join([*REAL, MARKER])


def ready_times(start, folder, **options):
    """Of a container over an empty volume, of its restart, and of a new one over the same volume without a network."""
    volume = folder / "volume-of-one"
    shutil.rmtree(volume, ignore_errors=True)
    volume.mkdir()
    first = start(volume=volume, **options)
    times = {"first start": first.ready()}
    assert any(LOADED in line for line in first.said) == bool(options["env"].get("EXTENSION_AUTO_INSTALL")), first.said
    first.stop()
    again = start(volume=volume, files=first.files, **options)
    times["restart"] = again.ready()
    again.stop()
    new = start(volume=volume, **options)
    times["new container"] = new.ready()
    new.stop()
    for container in (new, again, first):
        container.remove()
    return times


def test_time_until_ready(images, start, index, folder, figures):
    with_extensions = {"EXTENSION_AUTO_INSTALL": EXTENSIONS, "PIP_INDEX_URL": index.url}
    base, ours = images["base-installed"], images["installed"]
    # Community loads what today's installer installed only through the link that our image has.
    link = folder / "zz-localstack-extensions-venv.pth"
    link.write_text(f"{VOLUME}/lib/extensions/python_venv/lib/{base.python}/site-packages\n")
    linked = [bind(link, f"/opt/code/localstack/.venv/lib/{base.python}/site-packages/{link.name}", "ro")]
    cases = {
        "today's entrypoint, no extensions": {"image": base, "env": {}},
        "ours, no extensions": {"image": ours, "env": {}},
        "today's entrypoint and installer": {"image": base, "mounts": linked, "env": with_extensions},
        "ours": {"image": ours, "env": with_extensions},
    }
    all_times = {name: [] for name in cases}
    for _ in range(RUNS):
        for name, options in cases.items():
            all_times[name].append(ready_times(start, folder, **options))
    figures(f"seconds until LocalStack is ready, with {len(REAL) + 1} extensions; medians of {RUNS}")
    figures(f"{'':36}{'first start':>14}{'restart':>14}{'new container':>14}")
    for name, times in all_times.items():
        medians = [statistics.median(t[what] for t in times) for what in ("first start", "restart", "new container")]
        figures(f"{name:36}" + "".join(f"{m:14.2f}" for m in medians))


@pytest.mark.parametrize("mode", ["exec", "supervise"])
def test_no_pip_runs_where_the_base_has_todays_installer(images, start, index, mode):
    """localstack-ext in LocalStack's own venv: neither we nor LocalStack call its installer, which would look at the variable. What runs is
    seen by the kernel's own count, and by who calls pip."""
    image = images["installed"]
    files = start.files(image)
    site = files.path / f"opt/code/localstack/.venv/lib/{image.python}/site-packages"
    shutil.copytree(files.path / "opt/localstack-ext", site, symlinks=True, dirs_exist_ok=True)
    called = files.path / "pip-was-called"
    for pip in (site.parents[2] / "bin/pip", site.parents[2] / "bin/pip3", site / "pip/__main__.py"):
        first_line = pip.read_text().splitlines()[0] if pip.name != "__main__.py" else ""
        pip.write_text(f"{first_line}\nopen('/{called.name}', 'a').write('called')\nraise SystemExit('pip was called')\n")
    options = {"image": image, "files": files,
               "env": {"EXTENSION_AUTO_INSTALL": EXTENSIONS, "PIP_INDEX_URL": index.url, "ENTRYPOINT_MODE": mode}}
    first = start(**options)
    status, said = first.wait()
    # Pro asks for a licence that nobody has here, and ends; so far it came.
    assert "License activation failed" in said and "installed " in said, said
    assert not called.exists(), said
    listed = start("list", entrypoint=["localstack-extensions"], **options).wait()[1]
    assert all(name in listed for name in (*REAL, MARKER)), listed
