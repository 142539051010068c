# Only helper 1.0 would ask for the pre-release, and the version of bar that is left does not need it.
index bar 1.0
    needs foo
index bar 2.0
    needs helper==1.0
    needs foo
index foo 1.0
    needs nowhere
index foo 2.0rc1
index helper 1.0
    needs foo>=2.0rc1
    needs shared
index helper 1.1
index qux 1.0
index qux 2.0
    needs helper!=1.0
index shared 1.0
    needs bar<2
root install bar
root install qux
==
helper 1.1 index
qux 2.0 index requested needs helper
failed bar (install)
    bar 2.0 requires helper==1.0.
    Every version of bar (1.0 and 2.0) requires foo.
    helper 1.0 requires shared.
    shared 1.0 requires bar<2.
    foo 2.0rc1 would be used only if something else asked for exactly that.
    foo 1.0 requires nowhere, but no index has a distribution of that name.
