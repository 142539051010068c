# Two requirements and a constraint together leave only a pre-release.
index foo 1.5
index foo 1.6rc1
index foo 1.7
    excluded is outside the constraint foo!=1.7 (limits.txt:1)
index foo 2.0
root extensions.txt:1 foo>1.5
root extensions.txt:2 foo<2
==
foo 1.6rc1 index requested
