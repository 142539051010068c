# Nothing but pre-releases meets the requirement.
index foo 2.0b1
index foo 2.0b2
index foo 1.0
root install foo>1.0
==
foo 2.0b2 index requested
