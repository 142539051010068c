/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

int(err_set)(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    if (!err)
        return -1;
    va_list ap;
    va_start(ap, fmt);
    char *text = xvasprintf(fmt, ap); /* before the clear: an argument may be the old text */
    va_end(ap);
    err_clear(err);
    err->text = text;
    err->kind = kind;
    return -1;
}

int(err_sys)(struct err *err, int sysno, const char *fmt, ...)
{
    if (!err)
        return -1;
    va_list ap;
    va_start(ap, fmt);
    char *what = xvasprintf(fmt, ap);
    va_end(ap);
    err_set(err, ERR_SYSTEM, "%s: %s", what, strerror(sysno));
    err->sysno = sysno;
    free(what);
    return -1;
}

int(err_wrap)(struct err *err, const char *fmt, ...)
{
    if (!err)
        return -1;
    va_list ap;
    va_start(ap, fmt);
    char *context = xvasprintf(fmt, ap);
    va_end(ap);
    char *text = xasprintf("%s: %s", context, err->text ? err->text : "unknown error");
    free(context);
    free(err->text);
    err->text = text;
    return -1;
}

void err_clear(struct err *err)
{
    free(err->text);
    *err = (struct err)ERR_INIT;
}

int(err_move)(struct err *to, struct err *from)
{
    if (to) {
        err_clear(to);
        *to = *from;
        *from = (struct err)ERR_INIT;
    }
    return -1;
}

int err_status(const struct err *err)
{
    switch (err->kind) {
    case ERR_USAGE:
        return 2;
    case ERR_INPUT:
    case ERR_UNAVAILABLE:
    case ERR_NOT_FOUND:
        return 1;
    default:
        return 3;
    }
}
