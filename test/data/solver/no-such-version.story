index foo 3.1
index foo 1.0
root extensions.txt:1 foo>=9
==
failed foo>=9 (extensions.txt:1)
    No version matches foo>=9; the newest is 3.1.
