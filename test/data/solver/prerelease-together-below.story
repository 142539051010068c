# What two of the user's requirements ask for together meets a plain requirement further down, too.
index bar 1.0
    needs foo
index foo 1.5
index foo 1.6rc1
index foo 2.0
root extensions.txt:1 bar
root extensions.txt:2 foo>1.5
root extensions.txt:3 foo<2
==
bar 1.0 index requested needs foo
foo 1.6rc1 index requested
