# The same one step down.
index foo 3.1
index foo 1.0
index bar 1.0
    needs foo>=9
index bar 1.1
    needs foo>=9
root extensions.txt:1 bar
==
failed bar (extensions.txt:1)
    Every version of bar (1.0 and 1.1) requires foo>=9, but no version matches foo>=9; the newest is 3.1.
