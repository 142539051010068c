# The first requirement takes an older version so that the second can be met.
index a 2.0
    needs c>=2
index a 1.0
    needs c
index b 1.0
    needs c<2
index c 2.0
index c 1.0
root install a
root install b
==
a 1.0 index requested needs c
b 1.0 index requested needs c
c 1.0 index
