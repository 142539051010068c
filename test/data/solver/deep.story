# From the requirement down to LocalStack itself.
base yaml 5.0
index a 1.0
    needs b
index b 1.0
    needs c
index c 1.0
    needs d
index d 1.0
    needs e>=1
index e 1.0
    needs yaml>=6
index e 1.1
    needs yaml>=6
root EXTENSION_AUTO_INSTALL a
==
failed a (EXTENSION_AUTO_INSTALL)
    a 1.0 requires b.
    b 1.0 requires c.
    c 1.0 requires d.
    d 1.0 requires e>=1.
    Every version of e (1.0 and 1.1) requires yaml>=6, but LocalStack itself has yaml 5.0.
    What LocalStack itself has is never replaced: look for a version of a that works with it, or set EXTENSION_BASE_CONFLICTS=tolerate to install it all the same.
