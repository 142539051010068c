index bar 1.0
    needs foo>=2
index foo 2.0
    excluded needs Python >=3.14
index foo 2.1
    excluded needs Python >=3.14
index foo 2.2
    excluded is only offered as a source distribution
index foo 1.0
root extensions.txt:2 bar
==
failed bar (extensions.txt:2)
    bar 1.0 requires foo>=2.
    foo 2.2 cannot be used: it is only offered as a source distribution.
    foo 2.0 and 2.1 cannot be used: each needs Python >=3.14.
