index foo 2.0
    yanked broken metadata
index foo 1.0
root install foo
==
foo 1.0 index requested
