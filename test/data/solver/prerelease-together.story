# Two requirements together leave only a pre-release, which neither asks for alone: it is taken, as by pip.
index foo 1.0
index foo 1.5
index foo 1.6rc1
index foo 1.6rc2
index foo 2.0
root extensions.txt:1 foo>1.5
root extensions.txt:2 foo<2
==
foo 1.6rc2 index requested
