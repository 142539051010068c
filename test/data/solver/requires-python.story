# The newest needs another Python, and what an older one requires is not there.
index foo 2.0
    excluded needs Python >=3.14; LocalStack's is 3.13.0
index foo 1.0
    needs bar>=2
index bar 1.0
root extensions.txt:1 foo
==
failed foo (extensions.txt:1)
    foo 2.0 cannot be used: it needs Python >=3.14; LocalStack's is 3.13.0.
    foo 1.0 requires bar>=2, but no version matches bar>=2; the newest is 1.0.
