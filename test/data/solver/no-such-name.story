absent localstack-extension-mailhgo no index has a distribution of that name; localstack-extension-mailhog is there
index foo 1.0
root EXTENSION_AUTO_INSTALL localstack-extension-mailhgo
root EXTENSION_AUTO_INSTALL foo
==
foo 1.0 index requested
failed localstack-extension-mailhgo (EXTENSION_AUTO_INSTALL)
    no index has a distribution of that name; localstack-extension-mailhog is there.
