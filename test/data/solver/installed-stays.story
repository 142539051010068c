index foo 2.0
installed foo 1.0
root install foo
==
foo 1.0 installed requested
