# SPDX-License-Identifier: Apache-2.0
"""Zip archives and wheels written byte by byte, so that every field can lie."""

import base64
import hashlib
import struct
import zlib

STORED, DEFLATED = 0, 8
CENTRAL = "made needed flags method time date crc packed size name_len extra_len comment_len disk internal external offset"
LOCAL = "needed flags method time date crc packed size name_len extra_len"


def digest(data, algorithm="sha256"):
    return base64.urlsafe_b64encode(hashlib.new(algorithm, data).digest()).rstrip(b"=").decode()


class Entry:
    """central, local: fields to lie about; raw: the bytes in place of the compressed ones."""

    def __init__(self, name, data=b"", method=DEFLATED, mode=0o100644, central=None, local=None, raw=None,
                 extra=b"", local_extra=b"", local_name=None, before=b""):
        self.name = name.encode() if isinstance(name, str) else name
        self.data = data.encode() if isinstance(data, str) else data
        self.central, self.local = central or {}, local or {}
        self.extra, self.local_extra, self.before = extra, local_extra, before
        self.local_name = self.name if local_name is None else local_name
        self.raw = raw
        if raw is None:
            squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
            self.raw = squeeze.compress(self.data) + squeeze.flush() if method == DEFLATED else self.data
        self.fields = {
            "made": 3 << 8 | 20, "needed": 20, "flags": 0x800, "method": method, "time": 0, "date": 0x21,
            "crc": zlib.crc32(self.data), "packed": len(self.raw), "size": len(self.data),
            "extra_len": len(extra), "comment_len": 0, "disk": 0, "internal": 0, "external": mode << 16,
        }

    def local_bytes(self):
        f = {**self.fields, "name_len": len(self.local_name), "extra_len": len(self.local_extra), **self.local}
        return struct.pack("<4s5H3I2H", b"PK\3\4", *(f[k] for k in LOCAL.split())) + self.local_name + self.local_extra

    def central_bytes(self, offset):
        f = {**self.fields, "name_len": len(self.name), "offset": offset, **self.central}
        return struct.pack("<4s6H3I5H2I", b"PK\1\2", *(f[k] for k in CENTRAL.split())) + self.name + self.extra


def archive(entries, comment=b"", zip64=None, **end):
    """end: fields of the end record to lie about. zip64: fields of a zip64 end record to lie about, {} for a true one."""
    body, central = b"", b""
    for e in entries:
        body += e.before
        central += e.central_bytes(len(body))
        body += e.local_bytes() + e.raw
    count, at = len(entries), len(body)
    out = body + central
    f = {"disk": 0, "first_disk": 0, "here": count, "count": count, "size": len(central), "offset": at,
         "comment_len": len(comment)}
    if zip64 is not None:
        w = {"record_size": 44, "disk": 0, "first_disk": 0, "here": count, "count": count, "size": len(central),
             "offset": at, "where": len(out), "disks": 1, **zip64}
        out += struct.pack("<4sQ2H2I4Q", b"PK\6\6", w["record_size"], 45, 45, w["disk"], w["first_disk"], w["here"],
                           w["count"], w["size"], w["offset"])
        out += struct.pack("<4sIQI", b"PK\6\7", 0, w["where"], w["disks"])
        f.update(here=0xFFFF, count=0xFFFF, size=0xFFFFFFFF, offset=0xFFFFFFFF)
    f.update(end)
    return out + struct.pack("<4s4H2IH", b"PK\5\6", *f.values()) + comment


def record_of(entries, info, algorithm="sha256"):
    lines = []
    for e in entries:
        if not e.name.endswith(b"/"):
            name = e.name.decode(errors="surrogateescape")
            if any(c in name for c in ',"\n\r'):
                name = '"' + name.replace('"', '""') + '"'
            lines.append(f"{name},{algorithm}={digest(e.data, algorithm)},{len(e.data)}")
    return lines + [f"{info}/RECORD,,"]


def entries_of(payload=(), name="evil", version="1.0", info=None, metadata=None, wheel=None, edit=None, more=(),
               algorithm="sha256", entry_points=None):
    """The entries of a wheel: payload and dist-info with a RECORD of all of them. edit: changes RECORD's lines; more: entries
    that RECORD knows nothing of."""
    info = info or f"{name}-{version}.dist-info"
    if metadata is None:
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    if wheel is None:
        wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    entries = [e if isinstance(e, Entry) else Entry(*e) for e in payload]
    for file, text in (("METADATA", metadata), ("WHEEL", wheel), ("entry_points.txt", entry_points)):
        if text not in (None, False):
            entries.append(Entry(f"{info}/{file}", text))
    lines = record_of(entries, info, algorithm)
    lines = edit(lines) if edit else lines
    if lines is not None:
        entries.append(Entry(f"{info}/RECORD", "".join(l + "\n" for l in lines).encode(errors="surrogateescape")))
    return entries + list(more)


def make_wheel(payload=(), comment=b"", zip64=None, end=None, **options):
    return archive(entries_of(payload, **options), comment, zip64, **(end or {}))
