# The direct reference fails for a reason of its own; the version behind it does not count for the other requirement.
index foo 1.0
direct foo 4.0 https://there.example/foo-4.0-py3-none-any.whl
    needs nowhere
root extensions.txt:1 foo>=3
root extensions.txt:2 foo @ https://there.example/foo-4.0-py3-none-any.whl
==
failed foo>=3 (extensions.txt:1)
    No version matches foo>=3; the newest is 1.0.
failed foo @ https://there.example/foo-4.0-py3-none-any.whl (extensions.txt:2)
    foo 4.0 from https://there.example/foo-4.0-py3-none-any.whl requires nowhere, but no index has a distribution of that name.
