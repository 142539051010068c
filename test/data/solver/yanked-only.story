index foo 2.0
    yanked broken metadata
index foo 2.1
    yanked
index foo 1.0
root install foo>=2
==
failed foo>=2 (install)
    foo 2.1 was yanked; such a version is used only where exactly it is asked for, with ==.
    foo 2.0 was yanked (broken metadata); such a version is used only where exactly it is asked for, with ==.
