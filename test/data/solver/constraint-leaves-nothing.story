# A constraint that no version meets, on what the user asks for.
index foo 1.0
    excluded is outside the constraint foo>=3 (constraints.txt:1)
index foo 2.0
    excluded is outside the constraint foo>=3 (constraints.txt:1)
root extensions.txt:1 foo
==
failed foo (extensions.txt:1)
    foo 1.0 and 2.0 cannot be used: each is outside the constraint foo>=3 (constraints.txt:1).
