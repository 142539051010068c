# More reasons than fit on a screen.
base z 1.0
index p0 1.0
    needs p1
index p1 1.0
    needs p2
index p2 1.0
    needs p3
index p3 1.0
    needs p4
index p4 1.0
    needs p5
index p5 1.0
    needs p6
index p6 1.0
    needs p7
index p7 1.0
    needs p8
index p8 1.0
    needs p9
index p9 1.0
    needs p10
index p10 1.0
    needs p11
index p11 1.0
    needs p12
index p12 1.0
    needs p13
index p13 1.0
    needs p14
index p14 1.0
    needs p15
index p15 1.0
    needs p16
index p16 1.0
    needs p17
index p17 1.0
    needs p18
index p18 1.0
    needs p19
index p19 1.0
    needs p20
index p20 1.0
    needs p21
index p21 1.0
    needs p22
index p22 1.0
    needs p23
index p23 1.0
    needs p24
index p24 1.0
    needs p25
index p25 1.0
    needs p26
index p26 1.0
    needs p27
index p27 1.0
    needs p28
index p28 1.0
    needs p29
index p29 1.0
    needs z>=2
root install p0
==
failed p0 (install)
    p0 1.0 requires p1.
    p1 1.0 requires p2.
    p2 1.0 requires p3.
    p3 1.0 requires p4.
    p4 1.0 requires p5.
    p5 1.0 requires p6.
    p6 1.0 requires p7.
    p7 1.0 requires p8.
    p8 1.0 requires p9.
    p9 1.0 requires p10.
    … (12 steps more)
    p22 1.0 requires p23.
    p23 1.0 requires p24.
    p24 1.0 requires p25.
    p25 1.0 requires p26.
    p26 1.0 requires p27.
    p27 1.0 requires p28.
    p28 1.0 requires p29.
    p29 1.0 requires z>=2, but LocalStack itself has z 1.0.
    What LocalStack itself has is never replaced: look for a version of p0 that works with it, or set EXTENSION_BASE_CONFLICTS=tolerate to install it all the same.
