# The user names a pre-release; a plain requirement elsewhere takes it too.
index foo 2.0rc1
index foo 1.0
index bar 1.0
    needs foo
root install bar
root install foo>=2.0rc1
==
bar 1.0 index requested needs foo
foo 2.0rc1 index requested
