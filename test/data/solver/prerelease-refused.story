# A final release meets both requirements, and something else rules it out: its pre-release is not asked for.
index foo 1.6
index foo 1.7rc1
index foo 2.0
index bar 1.0
    needs foo!=1.6
root extensions.txt:1 foo>1.5
root extensions.txt:2 foo<2
root extensions.txt:3 bar
==
foo 1.6 index requested
failed bar (extensions.txt:3)
    bar 1.0 requires foo!=1.6.
    extensions.txt:2 asks for foo<2.
    foo 1.7rc1 is a pre-release, and no requirement asks for one.
    Change or drop one of these: foo<2 (extensions.txt:2), bar (extensions.txt:3).
