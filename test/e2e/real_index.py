# SPDX-License-Identifier: Apache-2.0
"""The package index that the machine is configured for, for what the tests fetch from it by pip."""

import os

PREFIX = "TEST_"


def real_index():
    """The variables that lead pip there; scripts/e2e hands them on behind the prefix, since by their own names they would be settings of the
    programs under test."""
    return {name.removeprefix(PREFIX): value for name, value in os.environ.items() if name.startswith(PREFIX)}


def pip_env():
    """What a pip needs that fetches from there, and nothing else."""
    return {"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"], "PIP_DISABLE_PIP_VERSION_CHECK": "1", **real_index()}
