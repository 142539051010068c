direct foo 5.0 https://example.org/foo.whl
direct foo 5.0 https://example.org/other/foo.whl
root install foo @ https://example.org/foo.whl
root extensions.txt:7 foo @ https://example.org/other/foo.whl
==
foo 5.0 direct requested
failed foo @ https://example.org/other/foo.whl (extensions.txt:7)
    install asks for foo @ https://example.org/foo.whl, which does not go together with foo @ https://example.org/other/foo.whl.
    Change or drop one of these: foo @ https://example.org/foo.whl (install), foo @ https://example.org/other/foo.whl (extensions.txt:7).
