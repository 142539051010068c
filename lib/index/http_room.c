/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that go to a file end before its volume is full. */
#include "index/http_private.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* Looked at again after so many bytes; of the volume is left so much, or a part of it where that is less. */
enum { ROOM_STEP = 1 << 20, ROOM_LEFT = 256 << 20, ROOM_PART = 16 };

static struct text_size in_mib(unsigned long long bytes)
{
    return text_size(bytes >> 20 << 20);
}

/* False where there is nothing to go by. */
static bool look(const struct http_request *r, unsigned long long *free, unsigned long long *left)
{
    struct stat st;
    struct statvfs v;
    if (r->options.fd <= 0 || fstat(r->options.fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        fstatvfs(r->options.fd, &v) < 0 || v.f_blocks == 0)
        return false;
    *free = (unsigned long long)v.f_bavail * v.f_frsize;
    *left = (unsigned long long)v.f_blocks * v.f_frsize / ROOM_PART;
    if (*left > ROOM_LEFT)
        *left = ROOM_LEFT;
    return true;
}

int http_room_begin(struct http_request *r, long long length)
{
    unsigned long long free, left;
    unsigned long long whole = length >= 0 ? r->got + (unsigned long long)length : r->options.expected;
    r->announced = whole > 0;
    r->room_due = r->got + ROOM_STEP;
    if (whole <= r->got || !look(r, &free, &left) || whole - r->got <= free)
        return 0;
    err_sys(&r->err, ENOSPC, "%s is %s large, and the volume for it has room for %s", r->shown,
            in_mib(whole).s, in_mib(free).s);
    return -1;
}

int http_room_check(struct http_request *r, size_t more)
{
    unsigned long long free, left;
    if (r->announced || r->options.fd <= 0 || r->got + more < r->room_due)
        return 0;
    r->room_due = r->got + ROOM_STEP;
    if (!look(r, &free, &left) || free >= left)
        return 0;
    return err_set(&r->err, ERR_INPUT,
                   "%s is not taken any further: nobody says how large it is, %s of it have come, and the "
                   "volume for it has room for %s more",
                   r->shown, in_mib(r->got).s, in_mib(free).s);
}
