# Of a version whose files have other digests than those that are allowed, nothing is taken.
index foo 1.0
    excluded has no file with a hash that extensions.txt:1 allows (found sha256:9f86d081)
root extensions.txt:1 foo==1.0
==
failed foo==1.0 (extensions.txt:1)
    foo 1.0 cannot be used: it has no file with a hash that extensions.txt:1 allows (found sha256:9f86d081).
