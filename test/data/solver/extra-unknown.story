index foo 1.0
root install foo[nope]
==
foo[nope] 1.0 index requested
note foo 1.0 has no extra nope
