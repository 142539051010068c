# A yanked final release is a release: its pre-releases do not take its place, as with pip.
index foo 2.1rc1
index foo 2.0
    yanked broken
root install foo<3
==
failed foo<3 (install)
    foo 2.1rc1 is a pre-release, and no requirement asks for one.
    foo 2.0 was yanked (broken); such a version is used only where exactly it is asked for, with ==.
