index foo 2.0
    excluded is ruled out by the constraint foo<2 (constraints.txt:4)
index foo 1.0
index bar 1.0
    needs foo>=2
root install bar
==
failed bar (install)
    bar 1.0 requires foo>=2.
    foo 2.0 cannot be used: it is ruled out by the constraint foo<2 (constraints.txt:4).
