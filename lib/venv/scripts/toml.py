# Reads TOML documents for a program that has no parser of its own. Standard input holds any number of them, each
# behind a line with its length in bytes; the answer is a list of {"document": …, "lines": {KEY: [LINE, …]}} and
# {"error": TEXT, "line": LINE} in their order. "lines" says where the tables of an array of tables at the top level
# begin, where that can be told. Dates and times become ISO text.
import json
import math
import re
import sys

MARK = "\n@localstack-extensions-probe\n"
DEPTH = 64
DOUBLE_BRACKETS = re.compile(r"[ \t]*\[\[[ \t]*([A-Za-z0-9_-]+)[ \t]*\]\]")


class Refused(Exception):
    pass


def parser():
    try:
        import tomllib
    except ImportError:
        from pip._vendor import tomli as tomllib
    return tomllib


def plain(value, depth=0):
    """The value in JSON's types, which are fewer."""
    if depth > DEPTH:
        raise Refused("tables and arrays are more than %d deep" % DEPTH)
    if isinstance(value, dict):
        return {plain(k): plain(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v, depth + 1) for v in value]
    if isinstance(value, str):
        if "\0" in value:
            raise Refused("a text holds a NUL character")
        return value
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value.isoformat()


def lines_of_tables(text, document):
    """Only where as many headers stand in the text as tables came out: one may stand inside a text."""
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        header = DOUBLE_BRACKETS.match(line)
        if header:
            found.setdefault(header.group(1), []).append(number)
    return {k: v for k, v in found.items() if isinstance(document.get(k), list) and len(document[k]) == len(v)}


def refusal(text, why):
    """What the parser says of a place stands in its message; newer ones have it apart as well."""
    said = str(why)
    place = re.search(r" ?\(at (?:line (\d+), column (\d+)|end of document)\)$", said)
    line = int(place.group(1)) if place and place.group(1) else text.count("\n") + 1 if place else 0
    return {"error": said[: place.start()] if place else said, "line": line}


def read(data, loads):
    text = ""
    try:
        text = data.decode().replace("\r\n", "\n")
        document = loads(text)
        return {"document": plain(document), "lines": lines_of_tables(text, document)}
    except UnicodeDecodeError as e:
        return {"error": "this is not UTF-8", "line": data.count(b"\n", 0, e.start) + 1}
    except RecursionError:
        return {"error": "tables and arrays are nested too deeply", "line": 0}
    except (Refused, ValueError) as e:
        return refusal(text, e)


def main():
    stream = sys.stdin.buffer
    documents = []
    for line in iter(stream.readline, b""):
        documents.append(stream.read(int(line)))
    try:
        loads = parser().loads
        answer = [read(d, loads) for d in documents]
    except ImportError:
        answer = [{"error": "this Python is older than 3.11 and has no pip, so that nothing here reads TOML", "line": 0}
                  for _ in documents]
    sys.stdout.flush()
    sys.stdout.write(MARK + json.dumps(answer, separators=(",", ":")))
    sys.stdout.flush()


main()
