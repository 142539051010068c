# Ten versions say the same: one line.
base baz 1.0
index foo 1.0
    needs baz>=2
index foo 1.1
    needs baz>=2
index foo 1.2
    needs baz>=2
index foo 1.3
    needs baz>=2
index foo 1.4
    needs baz>=2
index foo 1.5
    needs baz>=3
index foo 1.6
    needs baz>=3
root EXTENSION_AUTO_INSTALL foo
==
failed foo (EXTENSION_AUTO_INSTALL)
    foo 1.5 and 1.6 require baz>=3, but LocalStack itself has baz 1.0.
    foo 1.0 to 1.4 require baz>=2, but LocalStack itself has baz 1.0.
    What LocalStack itself has is never replaced: look for a version of foo that works with it, or set EXTENSION_BASE_CONFLICTS=tolerate to install it all the same.
