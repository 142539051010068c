# Three ask for the same that cannot be; each is told why by itself.
base werkzeug 3.1.6
index a 1.0
    needs flask
index b 1.0
    needs flask
index flask 2.0
    needs werkzeug<3
index c 1.0
root extensions.txt:1 a
root extensions.txt:2 b
root extensions.txt:3 flask
root extensions.txt:4 c
==
c 1.0 index requested
failed a (extensions.txt:1)
    a 1.0 requires flask.
    flask 2.0 requires werkzeug<3, but LocalStack itself has werkzeug 3.1.6.
    What LocalStack itself has is never replaced: look for a version of a that works with it, or set EXTENSION_BASE_CONFLICTS=tolerate to install it all the same.
failed b (extensions.txt:2)
    b 1.0 requires flask.
    flask 2.0 requires werkzeug<3, but LocalStack itself has werkzeug 3.1.6.
    What LocalStack itself has is never replaced: look for a version of b that works with it, or set EXTENSION_BASE_CONFLICTS=tolerate to install it all the same.
failed flask (extensions.txt:3)
    flask 2.0 requires werkzeug<3, but LocalStack itself has werkzeug 3.1.6.
    What LocalStack itself has is never replaced: look for a version of flask that works with it, or set EXTENSION_BASE_CONFLICTS=tolerate to install it all the same.
