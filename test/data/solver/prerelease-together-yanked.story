# What was yanked is a release: where it meets both requirements they do not ask for pre-releases.
index foo 1.5
index foo 1.6rc1
index foo 1.6
    yanked broken
index foo 2.0
root extensions.txt:1 foo>1.5
root extensions.txt:2 foo<2
==
foo 2.0 index requested
failed foo<2 (extensions.txt:2)
    extensions.txt:1 asks for foo>1.5.
    foo 1.6rc1 is a pre-release, and no requirement asks for one.
    foo 1.6 was yanked (broken); such a version is used only where exactly it is asked for, with ==.
    Change or drop one of these: foo>1.5 (extensions.txt:1), foo<2 (extensions.txt:2).
