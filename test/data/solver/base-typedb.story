# An older anyio is found that goes with what LocalStack itself has.
base typing-extensions 4.15.0
index localstack-extension-typedb 0.1.2
    needs anyio>=4
index anyio 4.16.0
    needs typing-extensions>=4.16
index anyio 4.15.0
    needs typing-extensions>=4.16
index anyio 4.14.2
    needs typing-extensions>=4.5
root EXTENSION_AUTO_INSTALL localstack-extension-typedb
==
anyio 4.14.2 index needs typing-extensions
localstack-extension-typedb 0.1.2 index requested needs anyio
typing-extensions 4.15.0 base
