/* SPDX-License-Identifier: Apache-2.0 */
/* Texts in other languages that the program carries with it; each is a file in scripts/ that its own tools
 * can read. */
#pragma once

extern const char script_probe[];         /* Python: what interpreter_query asks */
extern const char script_toml[];          /* Python: what toml_read asks */
extern const char script_plux[];          /* Python: what plux_discover asks */
extern const char script_project[];       /* Python: what project_read asks */
extern const char script_activate[];      /* sh */
extern const char script_activate_csh[];  /* csh */
extern const char script_activate_fish[]; /* fish */
extern const char script_activate_ps1[];  /* PowerShell */
