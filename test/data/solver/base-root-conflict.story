# A requirement of the user's on a distribution of the base.
base werkzeug 3.1.6
root extensions.txt:3 werkzeug<3
==
failed werkzeug<3 (extensions.txt:3)
    LocalStack itself has werkzeug 3.1.6.
    What LocalStack itself has is never replaced: drop this requirement, or set EXTENSION_BASE_CONFLICTS=tolerate to go on with what is there.
