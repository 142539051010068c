# A dependency asks for a URL after the project was looked at.
direct foo 5.0 https://example.org/foo.whl
index foo 4.0
index foo 6.0
index bar 1.0
    needs foo @ https://example.org/foo.whl
root install foo
root install bar
==
bar 1.0 index requested needs foo
foo 5.0 direct requested
