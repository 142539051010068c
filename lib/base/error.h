/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error idiom: a function that can fail returns int, negative on failure, and takes a
 * struct err last. The text is made where the failure is seen, in the words of whoever reads the
 * container's log; callers wrap it with what they were doing. err->text is owned by the struct.
 */
#pragma once
#include <stdarg.h>

/* What kind of failure it is: decides exit statuses and whether to try again. */
enum err_kind {
    ERR_NONE = 0,
    ERR_SYSTEM,      /* disk, memory, interpreter, lock: exit status 3 */
    ERR_USAGE,       /* command line or extensions.yaml: exit status 2 */
    ERR_INPUT,       /* a requirement, file, page or wheel that is not what it should be: exit status 1 */
    ERR_UNAVAILABLE, /* network: the same call may succeed later: exit status 1 */
    ERR_NOT_FOUND,   /* the other side answered that there is no such thing: exit status 1 */
    ERR_INTERRUPTED, /* a signal asked us to end: exit status 128+n; sysno holds n */
};

struct err {
    char *text;
    enum err_kind kind;
    int sysno; /* errno of a failed system call, else 0 */
};

#define ERR_INIT                                                                                             \
    {                                                                                                        \
        0                                                                                                    \
    }
#define cleanup_err __attribute__((cleanup(err_clear)))

/* Sets the error (freeing an earlier one) and returns -1, so that callers can return it directly. err may be
 * NULL: then nothing is kept. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set with ERR_SYSTEM; appends ": " and strerror(sysno), and keeps sysno. */
int err_sys(struct err *err, int sysno, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "CONTEXT: " before the text of an error that is set. Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The exit status of a program that ends with this error: 1, 2 or 3 as above. */
int err_status(const struct err *err);

/* Frees the text; the struct is as after ERR_INIT. */
void err_clear(struct err *err);

/* Moves the error from one struct to another, whose own is freed first. Returns -1. */
int err_move(struct err *to, struct err *from);

/* The failure of these is visible to compilers and analysers, which else take what follows for possible. */
#define err_set(...)                                                                                         \
    ({                                                                                                       \
        (void)err_set(__VA_ARGS__);                                                                          \
        -1;                                                                                                  \
    })
#define err_sys(...)                                                                                         \
    ({                                                                                                       \
        (void)err_sys(__VA_ARGS__);                                                                          \
        -1;                                                                                                  \
    })
#define err_wrap(...)                                                                                        \
    ({                                                                                                       \
        (void)err_wrap(__VA_ARGS__);                                                                         \
        -1;                                                                                                  \
    })
#define err_move(...)                                                                                        \
    ({                                                                                                       \
        (void)err_move(__VA_ARGS__);                                                                         \
        -1;                                                                                                  \
    })
