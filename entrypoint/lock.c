/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "command.h"
#include "reconcile/lock_write.h"
#include "reconcile/restrict.h"

#include <errno.h>
#include <stdio.h>

static int solve(struct session *s, struct wanted *wanted, struct source *source, struct plan *plan,
                 struct err *err)
{
    if (lock_prepare(s, err) < 0 || wanted_read(s, wanted, err) < 0 ||
        source_open(source, s, wanted, err) < 0 || plan_make(s, wanted, source, plan, err) < 0)
        return -1;
    lock_check(s, plan);
    for (size_t i = 0; i < plan->warnings.count; i++)
        log_warning("%s", plan->warnings.items[i]);
    plan_say_failures(plan);
    return 0;
}

/* `path`: NULL for standard output. */
static int put(const char *path, struct text bytes, struct err *err)
{
    struct stat st;
    if (path && (stat(path, &st) < 0 || S_ISREG(st.st_mode)))
        return fs_write(AT_FDCWD, path, bytes, 0644, true, err);
    if (path) { /* a device or a pipe is not to be replaced by a file */
        cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
        return fd < 0 ? err_sys(err, errno, "cannot write %s", path) : fs_write_fd(fd, bytes, path, err);
    }
    if (fwrite(bytes.ptr, 1, bytes.len, stdout) != bytes.len || fflush(stdout) != 0)
        return err_sys(err, errno, "cannot write the lock to standard output");
    return 0;
}

int command_lock(struct session *s, struct err *err)
{
    struct wanted wanted cleanup_wanted = {0};
    struct source source cleanup_source = {0};
    struct plan plan cleanup_plan = {0};
    struct buf text cleanup_buf = BUF_INIT;
    const char *path = s->options->output, *folder = NULL;
    if (path && strcmp(path, "-") == 0)
        path = NULL;
    if (path) {
        path = path_absolute(&s->memory, path);
        size_t end = (size_t)(path_base(path) - path);
        folder = arena_strndup(&s->memory, path, end > 1 ? end - 1 : 1);
        if (!lock_name_is_valid(text_of(path_base(path))))
            log_warning("%s: a lock file is named pylock.toml or pylock.NAME.toml; other tools may not know "
                        "this one for a lock",
                        path);
    }
    restrict_writes(s, false);
    if (solve(s, &wanted, &source, &plan, err) < 0)
        return -1;
    if (plan.failed.count) {
        log_error("no lock is written: it would not hold what is asked for");
        return 1;
    }
    lock_leave_out_sources(&plan);
    if (lock_write(s, &plan, folder, &text, err) < 0 || put(path, buf_view(&text), err) < 0)
        return -1;
    if (path)
        log_info("locked %zu distribution%s in %s", plan.install.count, plan.install.count == 1 ? "" : "s",
                 path);
    return 0;
}
