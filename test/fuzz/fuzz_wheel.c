/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes as an archive, read to the end of its last member, as the wheel demo 1.0; and as the list of an
 * unpacked one, given the seal that it would need. */
#include "base/fs.h"
#include "venv/hasher.h"
#include "venv/unpacked_list.h"
#include "venv/wheel_check.h"
#include "venv/wheel_path.h"

#include <stdint.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORTH_IT = 1 << 20 }; /* what unpacks to more says nothing new, slowly */

static int count(void *context, struct text bytes, struct err *err)
{
    (void)err;
    *(uint64_t *)context += bytes.len;
    return 0;
}

static void as_archive(struct text bytes)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct archive z;
    struct wheel_contents contents = {0};
    cleanup_close int fd = memfd_create("wheel", MFD_CLOEXEC);
    if (fs_write_fd(fd, bytes, "wheel", NULL) < 0 || archive_open(&a, fd, &z, &err) < 0 || z.total > WORTH_IT)
        return;
    struct archive_reader *reader cleanup_archive_reader = archive_reader_new(&z);
    for (size_t i = 0; i < z.count; i++) {
        uint64_t seen = 0;
        const struct archive_member *m = &z.members[i];
        if (wheel_path_fault(text_of(m->path)))
            abort();
        if (archive_extract(reader, m, count, &seen, &err) == 0 && seen != m->size)
            abort();
    }
    wheel_check(&a, &z, reader, T("demo-1.0-py3-none-any.whl"), &contents, &err);
}

static void as_list(struct text bytes)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct hasher *h cleanup_hasher = hasher_new(NULL);
    struct buf sealed cleanup_buf = BUF_INIT;
    struct unpacked u;
    char seal[HASHER_SHA256_BASE64];
    if (!h || hasher_begin(h, NULL, NULL) < 0 || hasher_add(h, bytes, NULL) < 0 ||
        hasher_end(h, seal, NULL, NULL) < 0)
        abort();
    unpacked_list_parse(&a, text_dup(&a, bytes), bytes.len, &u, NULL);
    buf_text(&sealed, bytes);
    buf_printf(&sealed, "end %s\n", seal);
    if (unpacked_list_parse(&a, text_dup(&a, buf_view(&sealed)), sealed.len, &u, NULL) < 0)
        return;
    for (size_t i = 0; i < u.count; i++)
        if (wheel_path_fault(text_of(u.files[i].path)))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text bytes = {(const char *)data, size};
    as_archive(bytes);
    as_list(bytes);
    return 0;
}
