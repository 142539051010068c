index foo 1.0
    extra a x>=2
index x 1.0
index bar 1.0
    needs foo[a]>=1
root install bar
==
failed bar (install)
    bar 1.0 requires foo[a]>=1.
    foo[a] 1.0 requires x>=2, but no version matches x>=2; the newest is 1.0.
