# A constraint names the pre-release.
index foo 2.0rc1
    named
index foo 1.0
    excluded is ruled out by the constraint foo==2.0rc1 (constraints.txt:1)
root install foo
==
foo 2.0rc1 index requested
