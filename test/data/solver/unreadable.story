# Metadata that cannot be read rules out that version alone.
index foo 2.0
    unreadable its METADATA has no Name
index foo 1.0
root install foo
==
foo 1.0 index requested
note foo 2.0 is passed over: its METADATA has no Name
