/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repositories as pip takes them: "git+https://user:token@host/path.git@ref#egg=NAME&subdirectory=DIR", the
 * VCS URLs of PEP 440, 508 and 610. The work is done by the git that is installed, in children that never ask
 * anybody anything. It reads the user's own configuration: url.*.insteadOf, credential helpers and
 * core.sshCommand count.
 *
 * Credentials of http(s) URLs are handed to git when a server asks for them, by a credential helper that
 * reads them from its environment: they stand in no command line, no file and no message.
 */
#pragma once
#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>

struct git_url {
    const char *url;          /* what git gets: without "git+", @ref and fragment, with credentials */
    const char *shown;        /* the same without credentials but git's ssh user, for messages and
                                 direct_url.json */
    const char *ref;          /* percent-decoded; NULL: the default branch */
    const char *egg;          /* NULL; a valid name, which may have extras: "NAME[a,b]" */
    const char *subdirectory; /* NULL; relative, without ".." */
};

/* ERR_INPUT for what is no git+https, git+http, git+ssh, git+file or git+git URL, and for what pip or git
 * would refuse in it; the message says how to write it, and holds no credentials. What *out holds belongs to
 * the arena. */
int git_url_parse(struct arena *a, const char *text, struct git_url *out, struct err *err);

/* Whether it is 40 or 64 hexadecimal digits: a commit, for which nobody has to be asked. */
bool git_is_commit(const char *ref);

struct git_options {
    char *const *environ; /* what git runs in; NULL: our environment */
    const char *proxy;    /* for every host, whatever NO_PROXY says; NULL or "": those of the environment */
    const char *ca_file;  /* certificates to trust, a file or a folder; NULL: git's own */
    const char *client_cert; /* PEM with certificate and key; NULL: none */
    const char *scratch;     /* where a folder can be made for a while; NULL: /tmp */
    int timeout_ms;          /* of a whole call of one of the functions below; 0: none */
};

/*
 * The commit that the reference stands for now, in small letters; it belongs to the arena. As pip finds it: a
 * branch, else a tag (the commit that it is of), else what begins with "refs/"; further heads/NAME, tags/NAME
 * and origin/NAME as git reads them. A shortened commit takes a clone, without files, in `scratch`. A full
 * one is returned as it is, and no process started.
 *
 * ERR_UNAVAILABLE: the host is not reached, or did not answer in time. ERR_NOT_FOUND: no such reference or
 * repository. ERR_INPUT: refused, or git is missing. ERR_SYSTEM: the disk, memory, processes.
 */
int git_resolve(struct arena *a, const struct git_url *url, const struct git_options *o, char **commit,
                struct err *err);

/*
 * Checks exactly this commit (as git_resolve returns it) out into a folder that is absent or empty, with its
 * submodules and with all branches and tags, but with no other commit's files (git fetches those when
 * something needs them; not where PIP_NO_PARTIAL_CLONE_FOR_BROKEN_GIT_SERVER is set). A commit that no branch
 * leads to is asked for by its name, then by url->ref. No hooks are run. Errors as above; what is in the
 * folder then is of no use.
 */
int git_checkout(const struct git_url *url, const char *commit, const char *folder,
                 const struct git_options *o, struct err *err);
