index foo 2.0
    excluded needs Python >=3.14
index foo 2.1
    excluded needs Python >=3.14
index foo 1.0
root extensions.txt:2 foo>=2
==
failed foo>=2 (extensions.txt:2)
    foo 2.0 and 2.1 cannot be used: each needs Python >=3.14.
