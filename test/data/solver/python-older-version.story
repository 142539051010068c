# An excluded version is passed over in silence when another will do.
index foo 2.0
    excluded needs Python >=3.14
index foo 1.0
root extensions.txt:2 foo
==
foo 1.0 index requested
