# An exact pin takes a yanked version, and others who need the project go with it.
index foo 2.0
    yanked broken metadata
index foo 1.0
index bar 1.0
    needs foo>=1
root install bar
root install foo==2.0
==
bar 1.0 index requested needs foo
foo 2.0 index requested
