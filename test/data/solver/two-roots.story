# Two requirements of the user's that contradict each other below: the later one is set aside.
index foo 1.2
    needs baz<2
index bar 1.0
    needs baz>=2
index baz 1.0
index baz 2.0
root extensions.txt:3 foo==1.2
root extensions.txt:4 bar
==
baz 1.0 index
foo 1.2 index requested needs baz
failed bar (extensions.txt:4)
    bar 1.0 requires baz>=2.
    extensions.txt:3 asks for foo==1.2.
    foo 1.2 requires baz<2, which does not go together with baz>=2.
    Change or drop one of these: foo==1.2 (extensions.txt:3), bar (extensions.txt:4).
