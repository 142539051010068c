/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes as a source distribution: as a zip or gzip file where they begin like one, else as what a gzip
 * file holds. */
#include "base/fs.h"
#include "build/sdist.h"
#include "venv/wheel_path.h"

#include <stdint.h>
#include <sys/mman.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pack(struct text bytes, struct buf *out)
{
    enum { GZIP_WINDOW = 15 + 16, MEMORY = 8 };
    union {
        const char *from;
        Bytef *to;
    } next = {bytes.ptr};
    z_stream z = {0};
    if (deflateInit2(&z, Z_NO_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    size_t room = deflateBound(&z, bytes.len);
    z.next_in = next.to;
    z.avail_in = (uInt)bytes.len;
    z.next_out = (Bytef *)buf_reserve(out, room);
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    out->len += room - z.avail_out;
    deflateEnd(&z);
}

static void read_as(struct text archive, const char *name)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct sdist_info info;
    cleanup_close int fd = memfd_create("sdist", MFD_CLOEXEC);
    if (fs_write_fd(fd, archive, "sdist", NULL) < 0)
        return;
    if (sdist_read(&a, fd, name, &info, &err) < 0) {
        if (!err.text || (err.kind != ERR_INPUT && err.kind != ERR_NOT_FOUND))
            abort();
        return;
    }
    if (!info.metadata.name || !info.metadata.version.text || info.is_static != !info.why_not ||
        wheel_path_fault(text_of(info.folder)) || strchr(info.folder, '/'))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text bytes = {(const char *)data, size};
    struct buf packed cleanup_buf = BUF_INIT;
    if (text_starts(bytes, T("PK"))) {
        read_as(bytes, "demo-1.0.zip");
        return 0;
    }
    if (!text_starts(bytes, T("\x1f\x8b"))) {
        pack(bytes, &packed);
        bytes = buf_view(&packed);
    }
    read_as(bytes, "demo-1.0.tar.gz");
    return 0;
}
