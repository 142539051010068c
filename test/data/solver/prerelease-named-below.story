# Somebody further down names one, after the project was looked at already.
index a 1.0
    needs foo>=1
    needs b
index b 1.0
    needs c
index c 1.0
    needs foo>=2.0rc1
index foo 2.0rc1
index foo 1.0
root install a
==
a 1.0 index requested needs b, foo
b 1.0 index needs c
c 1.0 index needs foo
foo 2.0rc1 index
