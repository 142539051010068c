# A URL is met by its own candidate alone, and meets plain requirements too.
direct foo 5.0 https://example.org/foo.whl
index foo 6.0
index bar 1.0
    needs foo>=5
root install bar
root install foo @ https://example.org/foo.whl
==
bar 1.0 index requested needs foo
foo 5.0 direct requested
