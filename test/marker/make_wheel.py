# SPDX-License-Identifier: Apache-2.0
"""make_wheel.py FOLDER: writes the wheel of a distribution whose one entry point makes LocalStack log a line when it starts.

Prints the wheel's path. The bytes are the same each time, so that a second run is no change.
"""

import base64
import hashlib
import pathlib
import sys
import zipfile

NAME, VERSION = "localstack_entrypoint_marker", "1.0.0"
INFO = f"{NAME}-{VERSION}.dist-info"
MODULE = '''import logging

from localstack.runtime import hooks

LOG = logging.getLogger(__name__)


@hooks.on_infra_start()
def say_that_extensions_are_loaded():
    LOG.warning("localstack-entrypoint-marker: loaded from the extensions venv")
'''
FILES = {
    f"{NAME}.py": MODULE,
    f"{INFO}/METADATA": f"Metadata-Version: 2.1\nName: localstack-entrypoint-marker\nVersion: {VERSION}\n",
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\nGenerator: make_wheel\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{INFO}/entry_points.txt": f"[localstack.hooks.on_infra_start]\nmarker = {NAME}:say_that_extensions_are_loaded\n",
    f"{INFO}/top_level.txt": f"{NAME}\n",
}


def record_line(path: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(content)}\n"


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{NAME}-{VERSION}-py3-none-any.whl"
    files = {path: text.encode() for path, text in FILES.items()}
    record = "".join(record_line(path, content) for path, content in files.items()) + f"{INFO}/RECORD,,\n"
    files[f"{INFO}/RECORD"] = record.encode()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), content)
    print(wheel)


if __name__ == "__main__":
    main()
