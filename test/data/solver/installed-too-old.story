index foo 2.0
installed foo 1.0
root install foo>=2
==
foo 2.0 index requested
