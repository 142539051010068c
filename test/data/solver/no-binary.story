# --no-binary leaves source distributions alone, and those of one version.
index foo 2.0
    excluded has no source distribution, and --no-binary rules out its wheels
index foo 1.0
    excluded has no source distribution, and --no-binary rules out its wheels
index bar 1.0
    needs foo
root install bar
==
failed bar (install)
    bar 1.0 requires foo.
    foo 1.0 and 2.0 cannot be used: each has no source distribution, and --no-binary rules out its wheels.
