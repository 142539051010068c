/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <stdio.h>

static const char text[] =
    "usage: localstack-extensions COMMAND [OPTION…] [REQUIREMENT…]\n"
    "\n"
    "commands\n"
    "  sync       make the extensions venv hold what is asked for\n"
    "  plan       show what sync would do; changes nothing\n"
    "  list       show what the extensions venv holds\n"
    "  tree       show what needs what; -v: below LocalStack's own distributions too\n"
    "  why NAME   show what needs the distribution NAME, and who asks for that\n"
    "  lock       write a lock file (pylock.toml) of what is asked for\n"
    "  cache dir | size | prune | clean\n"
    "             show where the cache is, or what is in it; remove what is not used, or all\n"
    "  doctor     show all that a report of a fault needs, without secrets; status 1 where something is "
    "wrong\n"
    "  help       show this text\n"
    "  --version  show the version\n"
    "\n"
    "what is asked for: /etc/localstack/conf.d/extensions.txt and EXTENSION_AUTO_INSTALL, unless the command "
    "line\n"
    "names requirements or files of them\n"
    "  -r, --requirement FILE   a requirements file (repeatable)\n"
    "  -c, --constraint FILE    a constraints file (repeatable)\n"
    "      --locked FILE        a lock file (path or URL) that stands in for all of these, to the letter\n"
    "      --pre                take pre-releases too\n"
    "      --upgrade            look for newer versions of what is installed\n"
    "\n"
    "where it comes from\n"
    "      --index-url URL      the package index; the default is what the installed pip would ask\n"
    "      --extra-index-url URL, --find-links URL   further places (repeatable)\n"
    "      --no-index           only --find-links\n"
    "      --offline            no network: the cache and local files alone\n"
    "      --cache-dir DIR      where downloads are kept\n"
    "\n"
    "where it goes\n"
    "      --root DIR           put DIR before each path of the image and the volume\n"
    "      --base DIR           LocalStack's own venv\n"
    "      --venv DIR           the extensions venv\n"
    "      --python FILE        the interpreter to ask, instead of the base's\n"
    "\n"
    "  -o, --output FILE        where lock writes to; the default is standard output\n"
    "      --timeout S          end after so many seconds, with status 3\n"
    "      --format text|json   of plan, list, tree, why, cache and doctor\n"
    "  -q, --quiet / -v, --verbose\n"
    "\n"
    "exit status: 0 all is as asked; 1 some requirement could not be met, the rest is in place; 2 the "
    "command line or\n"
    "a file of settings is wrong, nothing changed; 3 a fault of the system, nothing changed\n";

int command_help(void)
{
    return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? 3 : 0;
}
