# What was installed from a direct reference meets it again, and every other requirement by its version.
installed foo 1.0 https://example.org/foo-1.0-py3-none-any.whl
index foo 2.0
root extensions.txt:3 foo @ https://example.org/foo-1.0-py3-none-any.whl
root install foo>=1
==
foo 1.0 installed requested
