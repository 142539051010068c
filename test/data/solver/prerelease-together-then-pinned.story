# The first two ask for the pre-release together; the third is the one that does not go with them.
index foo 1.0
index foo 2.0
index foo 3.0rc1
index foo 4.0
root extensions.txt:1 foo<4
root extensions.txt:2 foo>2
root extensions.txt:3 foo==2.0
==
foo 3.0rc1 index requested
failed foo==2.0 (extensions.txt:3)
    extensions.txt:2 asks for foo>2, which does not go together with foo==2.0.
    Change or drop one of these: foo>2 (extensions.txt:2), foo==2.0 (extensions.txt:3).
