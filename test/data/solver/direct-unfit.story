# What lies at the URL is too old for another.
direct foo 5.0 https://example.org/foo.whl
index foo 6.0
index bar 1.0
    needs foo>=6
root install foo @ https://example.org/foo.whl
root install bar
==
foo 5.0 direct requested
failed bar (install)
    bar 1.0 requires foo>=6.
    install asks for foo @ https://example.org/foo.whl, which does not go together with foo>=6.
    Change or drop one of these: foo @ https://example.org/foo.whl (install), bar (install).
