index foo 2.0
    unreadable its METADATA has no Name
index bar 1.0
    needs foo
root install bar
==
failed bar (install)
    bar 1.0 requires foo.
    foo 2.0 cannot be used: its METADATA has no Name.
