# With base conflicts tolerated: still the version that fits where there is one, a note where there is none.
option tolerate
base typing-extensions 4.15.0
index foo 2.0
    needs typing-extensions>=4.16
index foo 1.0
    needs typing-extensions>=4
index bar 1.0
    needs typing-extensions>=5
root install foo
root install bar
==
bar 1.0 index requested needs typing-extensions
foo 1.0 index requested needs typing-extensions
typing-extensions 4.15.0 base
note bar 1.0 requires typing-extensions>=5, but LocalStack itself has typing-extensions 4.15.0, which is used all the same
