# "all" is made of the others.
index foo 1.0
    needs foo
    extra all foo[a,b]
    extra a x
    extra b y
index x 1.0
index y 1.0
root install foo[all]
==
foo[a,all,b] 1.0 index requested needs foo, x, y
x 1.0 index
y 1.0 index
