# A cycle whose pins never meet: the story goes once around.
index a 1.0
    needs b==1.0
index b 1.0
    needs c==1.0
index c 1.0
    needs a==2.0
index a 2.0
    needs b==2.0
index b 2.0
    needs c==2.0
index c 2.0
    needs a==1.0
root install a
==
failed a (install)
    a 2.0 requires b==2.0.
    a 1.0 requires b==1.0.
    b 2.0 requires c==2.0.
    b 1.0 requires c==1.0.
    c 2.0 requires a==1.0.
    c 1.0 requires a==2.0.
