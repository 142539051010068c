# SPDX-License-Identifier: Apache-2.0
"""The README's Dockerfiles that bake extensions into an image, built as they stand there, and started without any network."""

import json
import re
import subprocess

import pytest

from containers import BUILDAH_ENV, LONG, REPOSITORY, Image, run


def dockerfiles():
    text = (REPOSITORY / "README.md").read_text().split("\n## Baking\n")[1].split("\n## ")[0]
    return [re.sub(r"(?m)^ +", "", block) for block in re.findall(r"(?m)(?:^ +FROM .*\n(?:^ +\S.*\n)+)", text)]


@pytest.fixture
def build(index, folder):
    """Builds a Dockerfile on the image, with the index at hand while it does; what it made is gone at the end."""
    images = []

    def do(dockerfile):
        context = folder / f"context-{len(images)}"
        context.mkdir()
        context.joinpath("Dockerfile").write_text(dockerfile)
        context.joinpath("extensions.txt").write_text("localstack-extension-diagnosis-viewer\n")
        (folder / "pip.conf").write_text(f"[global]\nindex-url = {index.url}\n")
        name = f"baked-{len(images)}"
        run("buildah", "tag", "editable", "localstack-with-extensions", env=BUILDAH_ENV)
        done = run("buildah", "bud", "--isolation", "chroot", "--format", "docker", "--volume", f"{folder}/pip.conf:/etc/pip.conf:ro", "--tag", name,
                   context, env=BUILDAH_ENV)
        images.append(Image(name))
        return images[-1], done.stdout + done.stderr

    yield do
    for image in images:
        image.close()
        subprocess.run(["buildah", "rmi", image.name], env=BUILDAH_ENV, capture_output=True, timeout=LONG)


@pytest.mark.parametrize("number, names", [
    (0, {"localstack-extension-mailhog", "localstack-extension-typedb", "httpx", "httpcore", "anyio"}),
    (1, {"localstack-extension-diagnosis-viewer", "diapretty"}),
])
def test_a_baked_image_starts_without_a_network(start, build, index, figures, number, names):
    image, said = build(dockerfiles()[number])
    assert f"baked {len(names)} distributions" in said
    asked = len(index.server.requests())
    # What the image got: nothing in the volume's folder, no cache anywhere.
    assert not list((image.files / "var/lib/localstack").iterdir())
    assert {p.suffix for p in (image.files / "opt/extensions").iterdir()} == {".whl", ".toml"}
    first = start(image=image, network="none")
    line = first.next("localstack-extensions: installed ")
    first.ready()
    listed = json.loads(first.execute("localstack-extensions", "list", "--format", "json").stdout)
    assert {d["name"] for d in listed} == names
    assert first.stop()[0] == 0
    figures(f"baked: {line}")
    again = start("true", image=image, network="none")
    assert again.wait() == (0, "")
    assert len(index.server.requests()) == asked
