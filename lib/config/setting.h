/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of settings: the key in extensions.yaml, the variable or pip's option that wins over it, and the
 * field of struct settings that both go to.
 */
#pragma once
#include "config/settings.h"

enum setting_kind {
    SETTING_BOOL, /* 1 and true, 0 and false; in pip's own places, what pip takes */
    SETTING_OFF,  /* bool; pip has it as an option that switches something off, and takes what its own places
                     say for whether that is on: there, 0 and false say yes */
    SETTING_STRING,  /* const char * */
    SETTING_PATH,    /* const char *, ~ is HOME where pip reads it so */
    SETTING_FOLDERS, /* const char *, colon-separated; a list in YAML */
    SETTING_LIST,    /* struct strings; blank-separated in pip's places, a list in YAML */
    SETTING_LINKS,   /* as SETTING_LIST, ~ is HOME */
    SETTING_CONTROL, /* names or :all: or :none:; added to what was there, taken out of its counterpart */
    SETTING_INSTALL, /* the list of requirements; its variable is taken as it is */
    SETTING_SECONDS, /* int, at least 1 */
    SETTING_NUMBER,  /* int, at least 0 */
    SETTING_CHOICE,  /* an enum, whose names stand in `choices` */
    SETTING_WORD,    /* const char *, one of `choices` */
};

struct setting {
    const char *key;
    const char *variable;   /* NULL where it is pip's: PIP_ and the option's name */
    const char *option;     /* pip's long option, NULL for our own settings */
    const char *old_option; /* another name of it */
    enum setting_kind kind;
    size_t offset;
    size_t counterpart; /* of SETTING_CONTROL: the other list */
    const char *const *choices;
};

extern const struct setting setting_table[];
extern const size_t setting_count;

/* Who gives a value decides how it is written. */
enum setting_syntax { SYNTAX_YAML, SYNTAX_VARIABLE, SYNTAX_PIP };

struct setting_value {
    enum setting_syntax syntax;
    const char *from; /* for messages: "EXTENSION_OFFLINE", "/etc/pip.conf:3: timeout" */
    struct text text; /* the value, unless it is a list of YAML */
    const struct strings *items;
    const char *home;   /* HOME, may be NULL */
    const char *origin; /* as settings.origins has it; NULL: `from` is that too */
};

/* Puts the value into its field, copied, and remembers where it came from. ERR_USAGE names that and what is
 * wanted. */
int setting_assign(struct settings *s, const struct setting *setting, const struct setting_value *value,
                   struct err *err);
/* Remembers that this was said last by `origin`, which is copied. */
void setting_said(struct settings *s, const struct setting *setting, const char *origin);
/* NULL: the value is the default. */
const char *setting_origin(const struct settings *s, const struct setting *setting);
/* Appends the value as people write it, the items of a list with ", " between them; false where there is
 * none. Credentials are in it as they were given. */
bool setting_text(const struct settings *s, const struct setting *setting, struct buf *to);
/* The setting with this key; NULL when there is none. */
const struct setting *setting_by_key(struct text key);
/* The setting that pip's long option of this name (without --) is; NULL when there is none. */
const struct setting *setting_by_option(const char *option);
