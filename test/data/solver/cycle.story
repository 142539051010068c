index a 2.0
    needs b>=2
index a 1.0
    needs b
index b 1.0
    needs a
root install a
==
a 1.0 index requested needs b
b 1.0 index needs a
