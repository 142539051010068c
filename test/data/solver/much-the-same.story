# Each version pins another: the newest stands for all.
base botocore 0.9
index boto3 1.1
    needs botocore==1.1
index boto3 1.2
    needs botocore==1.2
index boto3 1.3
    needs botocore==1.3
index boto3 1.4
    needs botocore==1.4
index boto3 1.5
    needs botocore==1.5
root EXTENSION_AUTO_INSTALL boto3>=1.2
==
failed boto3>=1.2 (EXTENSION_AUTO_INSTALL)
    boto3 1.5 requires botocore==1.5, but LocalStack itself has botocore 0.9; it is much the same with boto3 1.2 to 1.4.
    What LocalStack itself has is never replaced: look for a version of boto3 that works with it, or set EXTENSION_BASE_CONFLICTS=tolerate to install it all the same.
