# The first fails for its own reason; what the others ask for together does not depend on it.
index foo 1.0
    yanked broken
index foo 2.0
    excluded needs Python >=3.14
index foo 3.0rc1
index foo 4.0
root extensions.txt:1 foo==2.0
root extensions.txt:2 foo>2
root extensions.txt:3 foo!=4.0
==
foo 3.0rc1 index requested
failed foo==2.0 (extensions.txt:1)
    foo 2.0 cannot be used: it needs Python >=3.14.
