# The third requirement is set aside, so what it would ask for together with the others does not come.
index foo 1.5
index foo 1.6rc1
    needs baz
index foo 2.0
root extensions.txt:1 foo>=1.5
root extensions.txt:2 foo<2
root extensions.txt:3 foo!=1.5
==
foo 1.5 index requested
failed foo!=1.5 (extensions.txt:3)
    extensions.txt:2 asks for foo<2.
    foo 1.6rc1 requires baz, but no index has a distribution of that name.
    Change or drop one of these: foo<2 (extensions.txt:2), foo!=1.5 (extensions.txt:3).
