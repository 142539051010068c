# The user's own URL and the user's own specifier on one name.
direct foo 2.0 https://example.org/foo-2.0-py3-none-any.whl
index foo 1.0
root extensions.txt:1 foo @ https://example.org/foo-2.0-py3-none-any.whl
root EXTENSION_AUTO_INSTALL foo<2
==
foo 2.0 direct requested
failed foo<2 (EXTENSION_AUTO_INSTALL)
    extensions.txt:1 asks for foo @ https://example.org/foo-2.0-py3-none-any.whl, which does not go together with foo<2.
    Change or drop one of these: foo @ https://example.org/foo-2.0-py3-none-any.whl (extensions.txt:1), foo<2 (EXTENSION_AUTO_INSTALL).
