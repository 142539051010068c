broken foo https://example.org/foo.whl the server answered 404
index foo 1.0
index bar 1.0
    needs foo @ https://example.org/foo.whl
root install foo @ https://example.org/foo.whl
root install bar
==
failed foo @ https://example.org/foo.whl (install)
    foo @ https://example.org/foo.whl cannot be used: the server answered 404.
failed bar (install)
    bar 1.0 requires foo @ https://example.org/foo.whl, which cannot be used: the server answered 404.
