# A version that requires another version of itself.
index a 2.0
    needs a<2
index a 1.0
root install a
==
a 1.0 index requested
