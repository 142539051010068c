index foo 1.0
index foo 2.0
root extensions.txt:3 foo<2
root EXTENSION_AUTO_INSTALL foo>=2
==
foo 1.0 index requested
failed foo>=2 (EXTENSION_AUTO_INSTALL)
    extensions.txt:3 asks for foo<2, which does not go together with foo>=2.
    Change or drop one of these: foo<2 (extensions.txt:3), foo>=2 (EXTENSION_AUTO_INSTALL).
