# b is tried and given up again; nothing of it stays.
index a 2.0
    needs b
index a 1.0
index b 1.0
    needs c
    needs nope
index c 1.0
root install a
==
a 1.0 index requested
