# A direct reference to a distribution of the base is a base conflict.
base werkzeug 3.1.6
direct werkzeug 3.2 https://example.org/werkzeug-3.2-py3-none-any.whl
root extensions.txt:3 werkzeug @ https://example.org/werkzeug-3.2-py3-none-any.whl
==
failed werkzeug @ https://example.org/werkzeug-3.2-py3-none-any.whl (extensions.txt:3)
    LocalStack itself has werkzeug 3.1.6.
    What LocalStack itself has is never replaced: drop this requirement, or set EXTENSION_BASE_CONFLICTS=tolerate to go on with what is there.
