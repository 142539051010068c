# SPDX-License-Identifier: Apache-2.0
"""Project pages, HTML and JSON, against the links that pip finds in them."""

import html
import json
import re
import urllib.parse

from pip._internal.exceptions import InvalidEggFragment
from pip._internal.index.collector import IndexContent, parse_links
from pip._internal.models.link import _ensure_quoted_url

from reference import ANYTHING, CASES, ERROR, ask_formats, broken, generator, shown

PAGE = "https://index.example/simple/foo/"
JSON = "application/vnd.pypi.simple.v1+json"
STRONGEST = ("sha512", "sha384", "sha256", "sha224", "sha1", "md5")
DIGITS = dict(zip(STRONGEST, (128, 96, 64, 56, 40, 32)))
FILES = ["foo-1.0-py3-none-any.whl", "foo-1.0.tar.gz", "foo-2.0%2Blocal-py3-none-any.whl", "f%6fo-1.0.zip", "\u00fc.zip",
         "foo 1.zip", "foo-1.0.tar.gz?x=y", "a@b.whl", "foo-1.0+x.zip", "", "..", "x%2Fy.zip"]


def digest(r, name):
    text = "".join(r.choice("0123456789abcdef") for _ in range(DIGITS.get(name, 8)))
    return r.choice([text, text, text, text.upper(), text[1:], "x" + text[1:]]) if r.random() < 0.15 else text


def href(r):
    file = r.choice(FILES[:3] if r.random() < 0.7 else FILES)
    place = r.choice(["", "", "../../files/", "/files/", "https://files.example/a/", "https://u:p@files.example/", "//cdn.example/",
                      "http://files.example/", "./", "https://files.example:8443/x/", "https://index.example/b/", "ftp://x/",
                      "file:///srv/", "?y/", "HTTPS://Files.example/"][: 6 if r.random() < 0.6 else 99])
    fragment = ""
    if r.random() < 0.6:
        name = r.choice(["sha256", "sha256", "md5", "sha512", "blake2b", "SHA256"])
        fragment = "#" + r.choice(["", "", "", "egg=foo&", "x&"]) + f"{name}={digest(r, name)}" + r.choice(["", "", "", "&y=z"])
    return place + file + fragment


def requires_python(r):
    return r.choice([">=3.8", ">=3.8,<4", "", "nonsense", "<3 & >2", ">=3.8 \u00fc"])


def metadata_value(r):
    return r.choice(["true", "true", "false", "", f"sha256={digest(r, 'sha256')}", f"md5={digest(r, 'md5')}", "x=y", "sha256"])


def attributes(r):
    found = {"href": href(r)} if r.random() < 0.97 else {}
    if r.random() < 0.3:
        found["data-requires-python"] = requires_python(r)
    if r.random() < 0.2:
        found["data-yanked"] = r.choice(["", "broken", "a & b", "\u00fc"])
    if r.random() < 0.3:
        found[r.choice(["data-core-metadata", "data-dist-info-metadata"])] = metadata_value(r)
    if r.random() < 0.1:
        found["data-dist-info-metadata"] = metadata_value(r)
    if r.random() < 0.1:
        found[r.choice(["rel", "data-gpg-sig", "title"])] = r.choice(["internal", "true", ">", "<a href='x'>"])
    return found


def attribute(r, name, value):
    if r.random() < 0.1:
        name = name.upper()
    quote = r.choice(["'", '"', '"', '"'])
    value = html.escape(value) if r.random() < 0.95 else value.replace(quote, "")
    if value and r.random() < 0.05 and not set(value) & set(" \t\n\"'=<>`&/"):
        quote = ""
    return r.choice([" ", " ", "  ", "\n"]) + name + r.choice(["=", "=", "=", " = "]) + quote + value + quote


def html_page(r):
    lines = ["<!DOCTYPE html>", "<html><head>", "<title>Links for foo</title>"][r.randrange(2) * 2 :]
    if r.random() < 0.5:
        version = r.choice(["1.0", "1.1", "1.3", "1.9"])
        lines.append(f'<meta name="pypi:repository-version" content="{version}">')
    if r.random() < 0.15:
        lines.append(f'<base href="{r.choice(["https://base.example/x/", "/y/", "z/", "https://base.example"])}">')
    lines += ["</head><body>", "<h1>Links for foo</h1>"]
    for _ in range(r.randrange(1, 5)):
        tag = "<a" + "".join(attribute(r, name, value) for name, value in attributes(r).items()) + r.choice([">", ">", ">", " >"])
        lines.append(r.choice(["", "", "", "<p>", "<!-- "]) + tag + "foo" + r.choice(["</a>", "</a><br />", "</A>", "", "</a>-->"]))
    if r.random() < 0.1:
        lines.insert(r.randrange(len(lines)), r.choice(["<script>'<a href=x.whl>'</script>", "<p>1 < 2</p>", "</div>", "<!---->"]))
    return "\n".join([*lines, "</body></html>"]) + "\n"


def json_page(r):
    files = []
    for _ in range(r.randrange(0, 5)):
        url = href(r)
        url = url.partition("#")[0] + r.choice(["", "", "", "#egg=foo"])  # the digests stand beside the URL
        file = {"url": url, "filename": urllib.parse.unquote(re.split("[?#]", url)[0].rpartition("/")[2]),
                "hashes": {name: digest(r, name) for name in r.sample(["sha256", "sha512", "md5", "blake2b"], r.randrange(3))}}
        if r.random() < 0.3:
            file["requires-python"] = r.choice([requires_python(r), None])
        if r.random() < 0.3:
            file["yanked"] = r.choice([True, False, "broken", "", None])
        for key in ("core-metadata", "dist-info-metadata"):
            if r.random() < 0.25:
                file[key] = r.choice([True, False, None, {"sha256": digest(r, "sha256")}, {"md5": digest(r, "md5")}, {}])
        if r.random() < 0.3:
            file["size"] = r.choice([0, 1234])
        if r.random() < 0.2:
            file[r.choice(["upload-time", "provenance", "gpg-sig", "x"])] = None
        files.append(file)
    page = {"meta": {"api-version": r.choice(["1.0", "1.1", "1.4"])}, "name": "foo", "files": files, "versions": []}
    return json.dumps(page, ensure_ascii=r.random() < 0.5)


def strongest(hashes):
    """The digest that is checked. One that cannot be a digest makes the file useless: None."""
    known = {name: value for name, value in hashes.items() if name in STRONGEST}
    for name, value in known.items():
        if not re.fullmatch(f"[0-9a-fA-F]{{{DIGITS[name]}}}", value):
            return None
    return next((f"{name}:{known[name].lower()}" for name in STRONGEST if name in known), "")


def metadata_of(link):
    if link.metadata_file_data is None:
        return []
    hashes = link.metadata_file_data.hashes or {}
    if strongest(hashes) is None:
        return []  # a digest that nothing meets: the wheel itself is read
    return ["metadata=" + hashes.get("sha256", "").lower()]


def fields_of(link):
    """What is made of a link of pip's. Passed over is what could not be taken for a file, or not be trusted."""
    name = urllib.parse.unquote(urllib.parse.urlsplit(link.url).path.rpartition("/")[2])
    if name in ("", "..") or link.scheme not in ("http", "https") or set(name) & set("/\\") or not name.isprintable():
        return []
    # Names of algorithms count in any case: better one digest more that is checked.
    fragment = re.search("[#&](sha256|sha512|md5)=([^&]*)", link.url, re.I)
    hashes = strongest({**link._hashes, **({fragment[1].lower(): fragment[2]} if fragment else {})})
    if hashes is None or (link.scheme == "http" and not hashes):
        return []
    return [f"name={name}", f"url={link.url.partition('#')[0]}", *([f"hash={hashes}"] if hashes else []),
            *([f"requires_python={link.requires_python}"] if link.requires_python else []),
            *([f"yanked={link.yanked_reason}"] if link.yanked_reason is not None else []), *metadata_of(link)]


def page_answer(kind, text):
    # A base is relative to the page, as HTML has it; the reference takes it as it stands.
    text = re.sub('(<base href=")([yz/]+)"', lambda m: m[1] + urllib.parse.urljoin(PAGE, m[2]) + '"', text)
    content = IndexContent(text.encode(), kind, "utf-8", PAGE, cache_link_parsing=False)
    try:
        return [field for link in parse_links(content) for field in fields_of(link)]
    except (ValueError, TypeError, AttributeError):
        return ERROR
    except InvalidEggFragment:
        return ANYTHING


def normal(answer):
    """URLs as pip quotes them: it decodes and encodes again, where here what is written stays."""
    if answer is ERROR:
        return ERROR
    return ["url=" + _ensure_quoted_url(field[4:]) if field.startswith("url=") else field
            for field in answer if not field.startswith("size=")]


FALSE = re.compile("""data-(core|dist-info)-metadata *= *["']?false""", re.I)


def compare(kind, texts):
    wrong, links = [], 0
    for text, answer in zip(texts, ask_formats([("page", kind, PAGE, text) for text in texts])):
        right = page_answer(kind, text)
        if right is ANYTHING:
            continue
        right, answer = normal(right), normal(answer)
        if FALSE.search(text):  # false says that there is no such file; the reference asks for it all the same
            right, answer = ([field for field in fields if field != "metadata="] for fields in (right, answer))
        links += 0 if right is ERROR else len(right)
        if answer != right:
            wrong.append(f"{text}:\n  is  {shown(answer)}\n  not {shown(right)}")
    assert not wrong, f"{len(wrong)} of {len(texts)} differ:\n" + "\n".join(wrong[:5])
    assert links > len(texts)


def test_html():
    r = generator("html")
    compare("text/html", [html_page(r) for _ in range(CASES // 2)])


def test_json():
    r = generator("json")
    compare(JSON, [json_page(r) for _ in range(CASES // 2)])


def test_what_is_no_json_is_refused():
    """Nothing of such a page counts: pip raises, and nobody knows what was cut off."""
    r = generator("no json")
    texts = []
    while len(texts) < CASES / 4:
        text = broken(r, json_page(r), '{}[]",:\\0a ')
        try:
            json.loads(text)
        except ValueError:
            texts.append(text)
    answers = ask_formats([("page", JSON, PAGE, text) for text in texts])
    taken = [text for text, answer in zip(texts, answers) if answer is not ERROR]
    assert not taken, f"{len(taken)} were taken for JSON:\n" + "\n".join(taken[:5])
