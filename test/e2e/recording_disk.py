# SPDX-License-Identifier: Apache-2.0
"""A file of one image, to put a loop device on, that keeps what is written to it in the order in which it comes, with the flushes between.

recording_disk.py MOUNTPOINT IMAGE LOG mounts that file (by FUSE, spoken here without a library) over the file MOUNTPOINT, says
"ready", and serves until it is unmounted."""

import ctypes
import errno
import os
import stat
import struct
import sys

INIT, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, DESTROY, FALLOCATE = 26, 3, 4, 14, 15, 16, 17, 18, 20, 25, 38, 43
UNANSWERED = (2, 36, 42)  # FORGET, INTERRUPT, BATCH_FORGET
BIG_WRITES, MAX_PAGES = 1 << 5, 1 << 22
LARGEST = 1 << 20
HEADER = struct.Struct("IIQQIIIHH")
TRANSFER = struct.Struct("QQIIQII")
RECORD = struct.Struct("QQ")  # of the log: offset and length, before the bytes
FLUSHED = RECORD.pack(0, 0)


class Disk:
    """One regular file, which is the root of its file system."""

    def __init__(self, mountpoint, image, log):
        self.image = os.open(image, os.O_RDWR)
        self.size = os.fstat(self.image).st_size
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.fuse = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.fuse},rootmode={stat.S_IFREG | 0o600:o},user_id=0,group_id=0,allow_other"
        mount = ctypes.CDLL(None, use_errno=True).mount
        if mount(b"recording", os.fsencode(mountpoint), b"fuse", ctypes.c_ulong(0), options.encode()) != 0:
            raise OSError(ctypes.get_errno(), "cannot mount by FUSE")

    def serve(self):
        while True:
            try:
                request = os.read(self.fuse, LARGEST + (1 << 16))
            except InterruptedError:
                continue
            except OSError as e:
                if e.errno == errno.ENODEV:  # unmounted
                    return
                raise
            length, operation, unique = HEADER.unpack_from(request)[:3]
            if operation in UNANSWERED:
                continue
            answer = self.answer(operation, memoryview(request)[HEADER.size:length])
            failed, answer = (-answer, b"") if isinstance(answer, int) else (0, answer)
            os.write(self.fuse, struct.pack("IiQ", 16 + len(answer), failed, unique) + answer)

    def answer(self, operation, body):
        """The bytes of the answer, or an errno."""
        if operation == INIT:
            return struct.pack("IIIIHHIIHHI28x", 7, 31, LARGEST, BIG_WRITES | MAX_PAGES, 16, 12, LARGEST, 1, LARGEST // 4096, 0, 0)
        if operation in (GETATTR, SETATTR):
            return struct.pack("QII", 3600, 0, 0) + struct.pack("QQQQQQIIIIIIIIII", 1, self.size, self.size // 512, 0, 0, 0, 0, 0, 0,
                                                                stat.S_IFREG | 0o600, 1, 0, 0, 0, 4096, 0)
        if operation == OPEN:
            return struct.pack("QII", 1, 0, 0)
        if operation == READ:
            _, offset, size, *_ = TRANSFER.unpack_from(body)
            return os.pread(self.image, size, offset)
        if operation == WRITE:
            _, offset, size, *_ = TRANSFER.unpack_from(body)
            data = body[TRANSFER.size:TRANSFER.size + size]
            os.writev(self.log, [RECORD.pack(offset, size), data])
            os.pwrite(self.image, data, offset)
            return struct.pack("II", size, 0)
        if operation == FSYNC:
            os.write(self.log, FLUSHED)
            return b""
        if operation in (FLUSH, RELEASE, DESTROY):
            return b""
        return errno.EOPNOTSUPP if operation == FALLOCATE else errno.ENOSYS


def read_log(path, limit=None):
    """What was written, as (offset, bytes), and None for each flush; limit: how many bytes of the log count."""
    out = []
    with open(path, "rb") as log:
        while (limit is None or log.tell() < limit) and (head := log.read(RECORD.size)):
            offset, length = RECORD.unpack(head)
            out.append((offset, log.read(length)) if length else None)
    return out


if __name__ == "__main__":
    disk = Disk(*sys.argv[1:])
    print("ready", flush=True)
    disk.serve()
