index bar 1.0
    needs nope
root extensions.txt:1 bar
==
failed bar (extensions.txt:1)
    bar 1.0 requires nope, but no index has a distribution of that name.
