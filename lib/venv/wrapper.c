/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/wrapper.h"

#include "base/cleanup.h"
#include "venv/layout.h"
#include "venv/wheel_path.h"

bool wrapper_is_wanted(const struct entry_point *entry)
{
    return strcmp(entry->group, "console_scripts") == 0 || strcmp(entry->group, "gui_scripts") == 0;
}

void wrapper_choose(const struct entry_points *points, struct strmap *scripts)
{
    for (size_t i = 0; i < points->count; i++)
        if (wrapper_is_wanted(&points->items[i]))
            *strmap_place(scripts, text_of(points->items[i].name)) = &points->items[i];
}

/* Names joined by dots. Bytes beyond ASCII can be letters to Python, which will say so if they are not. */
static bool is_dotted_name(const char *s)
{
    bool start = true;
    for (; *s; s++) {
        bool letter = ascii_is_alpha(*s) || *s == '_' || (unsigned char)*s >= 0x80;
        if (*s == '.' ? start : !(letter || (!start && ascii_is_digit(*s))))
            return false;
        start = *s == '.';
    }
    return !start;
}

int wrapper_write(struct buf *to, const struct entry_point *entry, const char *final_dir, struct err *err)
{
    cleanup_free char *quoted = wheel_path_quote(text_of(entry->name));
    const char *fault = wheel_path_fault(text_of(entry->name));
    if (fault || strchr(entry->name, '/'))
        return err_set(err, ERR_INPUT, "the script name %s in entry_points.txt %s", quoted,
                       fault ? fault : "is a path");
    if (!is_dotted_name(entry->module) || !is_dotted_name(entry->attribute))
        return err_set(err, ERR_INPUT, "the script %s in entry_points.txt names no MODULE:FUNCTION to call",
                       quoted);
    layout_shebang(to, final_dir);
    buf_printf(to,
               "import sys\n"
               "\n"
               "from %s import %.*s\n"
               "\n"
               "if __name__ == \"__main__\":\n"
               "    sys.argv[0] = sys.argv[0].removesuffix(\".exe\")\n"
               "    sys.exit(%s())\n",
               entry->module, (int)strcspn(entry->attribute, "."), entry->attribute, entry->attribute);
    return 0;
}

bool wrapper_stem(struct text file, size_t form, struct text *name)
{
    static const char *const suffixes[] = {"", ".exe", "-script.py", "-script.pyw", ".pya"};
    if (form >= sizeof suffixes / sizeof *suffixes)
        return false;
    size_t n = text_ends(file, text_of(suffixes[form])) ? strlen(suffixes[form]) : 0;
    *name = text_first(file, file.len - n);
    return true;
}
