# A distribution that requires itself, plainly and by an extra.
index foo 1.0
    needs foo
    needs foo[x]>=1
    extra x bar
index bar 1.0
root install foo
==
bar 1.0 index
foo[x] 1.0 index requested needs bar, foo
