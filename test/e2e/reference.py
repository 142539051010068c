# SPDX-License-Identifier: Apache-2.0
"""What the tests against reference implementations share: generated questions to a program of test/tools that answers
line by line, and the comparison. SEED=N gives other questions, CASES=N more or fewer."""

import os
import random
import re
import subprocess
from pathlib import Path

TOOLS = Path(os.environ.get("BUILD_DIR", "build")).resolve() / "tools"
SEED = os.environ.get("SEED") or "440"
CASES = int(os.environ.get("CASES") or 4000)

ERROR = object()  # refused
ANYTHING = object()  # a difference that is meant; where it is used stands the reason


def generator(name):
    return random.Random(f"{SEED} {name}")


def escape(value):
    data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    return "".join(chr(c) if 0x20 <= c < 0x7F and c != 0x5C else f"\\x{c:02x}" for c in data)


def unescape(field):
    data = re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), field.encode())
    return data.decode("utf-8", "surrogateescape")


def ask(tool, lines):
    run = subprocess.run([TOOLS / tool], input="\n".join(lines) + "\n", capture_output=True, encoding="utf-8",
                         check=False)
    assert run.returncode == 0, run.stderr
    answers = run.stdout.split("\n")[:-1]
    assert len(answers) == len(lines)
    return answers


def ask_formats(questions):
    """Each question a tuple: the command and its fields. Each answer a list of fields, or ERROR."""
    answers = ask("formats", ["\t".join([question[0], *map(escape, question[1:])]) for question in questions])
    return [ERROR if answer.startswith("error: ") else [unescape(field) for field in answer.split("\t")] if answer else []
            for answer in answers]


def check(questions, expected, drop=None):
    """Asks all; what differs from what is expected is shown, the first of it. Of generators that make nothing but errors
    or exceptions nothing is learnt. Fields of answers that begin with `drop` are not looked at."""
    refused = sum(right is ERROR for right in expected)
    meant = sum(right is ANYTHING for right in expected)
    assert refused < len(expected) * 0.8, f"{refused} of {len(expected)} are errors"
    assert meant < len(expected) * 0.3, f"{meant} of {len(expected)} are exceptions"
    wrong = []
    for question, answer, right in zip(questions, ask_formats(questions), expected, strict=True):
        if drop and answer is not ERROR:
            answer = [field for field in answer if not field.startswith(drop)]
        if right is not ANYTHING and answer != right:
            wrong.append(f"{question!r}:\n  is  {shown(answer)}\n  not {shown(right)}")
    assert not wrong, f"{len(wrong)} of {len(questions)} differ:\n" + "\n".join(wrong[:8])


def shown(answer):
    return "an error" if answer is ERROR else repr(answer)


def broken(r, text, letters):
    """One letter put in, taken away or changed; of bytes one byte."""
    at = r.randrange(len(text) + 1)
    letter = r.choice([*letters, ""])
    if isinstance(text, bytes):
        letter = letter.encode("latin-1")
    return text[:at] + letter + text[at + r.randrange(2) :]
