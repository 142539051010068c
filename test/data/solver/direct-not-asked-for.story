# The one who asks for the URL is set aside: then nobody gets what lies there.
direct foo 5.0 https://example.org/foo.whl
index foo 4.0
index bar 1.0
    needs foo @ https://example.org/foo.whl
    needs nope
root install foo
root install bar
==
foo 4.0 index requested
failed bar (install)
    bar 1.0 requires nope, but no index has a distribution of that name.
