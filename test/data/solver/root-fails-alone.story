# One in the middle fails; what comes before and after is as if it had not been asked for.
index a 1.0
index b 1.0
    needs nope
index c 2.0
    needs d
index c 1.0
index d 1.0
root install a
root install b
root install c
==
a 1.0 index requested
c 2.0 index requested needs d
d 1.0 index
failed b (install)
    b 1.0 requires nope, but no index has a distribution of that name.
