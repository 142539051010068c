# The base's own version is used where it meets the requirement; nothing newer is taken.
base typing-extensions 4.15.0
index typing-extensions 4.16.0
index foo 1.0
    needs typing-extensions>=4.10
root EXTENSION_AUTO_INSTALL foo
==
foo 1.0 index requested needs typing-extensions
typing-extensions 4.15.0 base
