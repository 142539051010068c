# What LocalStack itself has may be a pre-release.
base localstack 4.9.3.dev12
index localstack 4.0
index foo 1.0
    needs localstack>=2
root install foo
==
foo 1.0 index requested needs localstack
localstack 4.9.3.dev12 base
