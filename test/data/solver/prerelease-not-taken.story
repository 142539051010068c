index foo 2.0rc1
index foo 1.0
root install foo
==
foo 1.0 index requested
