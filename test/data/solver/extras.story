index foo 2.0
    needs core
    extra a x>=2
    extra b y
index foo 1.0
    needs core
    extra a x
    extra b y
index core 1.0
index x 1.0
index y 1.0
root install foo[a,b]
==
core 1.0 index
foo[a,b] 1.0 index requested needs core, x, y
x 1.0 index
y 1.0 index
