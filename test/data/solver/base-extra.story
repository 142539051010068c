# An extra of a base distribution brings what its metadata gives for it.
base requests 2.32.0
    extra socks pysocks>=1.5
index pysocks 1.7.1
root install requests[socks]
==
pysocks 1.7.1 index
requests[socks] 2.32.0 base requested needs pysocks
