# Metadata that cannot be read rules out that version alone, with a note.
index foo 3.0
    unreadable METADATA line 4: "bar >> 2" is no requirement
index foo 2.0
    needs bar
index bar 1.0
root install foo
==
bar 1.0 index
foo 2.0 index requested needs bar
note foo 3.0 is passed over: METADATA line 4: "bar >> 2" is no requirement
