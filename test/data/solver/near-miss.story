# A name that is a slip of one that exists; the nearest of those that came up is named.
index localstack-extension-mailhog 0.2.0
index other 1.0
root EXTENSION_AUTO_INSTALL localstack-extension-mailhog
root EXTENSION_AUTO_INSTALL other
root extensions.txt:2 localstack-extension-mailhgo
root extensions.txt:3 unlike-any-of-them
==
localstack-extension-mailhog 0.2.0 index requested
other 1.0 index requested
failed localstack-extension-mailhgo (extensions.txt:2)
    no index has a distribution of that name; did you mean localstack-extension-mailhog?
failed unlike-any-of-them (extensions.txt:3)
    no index has a distribution of that name.
