# No version goes with the base: the story leads from the user's requirement to the base.
base typing-extensions 4.15.0
index localstack-extension-typedb 0.1.2
    needs anyio>=4.15
index anyio 4.16.0
    needs typing-extensions>=4.16
index anyio 4.15.0
    needs typing-extensions>=4.16
index anyio 4.14.2
    needs typing-extensions>=4.5
root EXTENSION_AUTO_INSTALL localstack-extension-typedb
==
failed localstack-extension-typedb (EXTENSION_AUTO_INSTALL)
    localstack-extension-typedb 0.1.2 requires anyio>=4.15.
    anyio 4.15.0 and 4.16.0 require typing-extensions>=4.16, but LocalStack itself has typing-extensions 4.15.0.
    What LocalStack itself has is never replaced: look for a version of localstack-extension-typedb that works with it, or set EXTENSION_BASE_CONFLICTS=tolerate to install it all the same.
