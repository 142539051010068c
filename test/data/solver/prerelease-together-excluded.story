# The only final release that meets both requirements is for another Python: it does not count.
index foo 1.6rc1
index foo 1.6
    excluded needs Python >=3.14
index foo 2.0
root extensions.txt:1 foo>1.5
root extensions.txt:2 foo<2
==
foo 1.6rc1 index requested
