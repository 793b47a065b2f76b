"""A fake of the parts of AWS that Paddock uses: EC2, STS, SSM, S3 and the instance metadata service.

It keeps state, checks every signature, and fails on demand (docs/testing.md). Only the standard
library is needed; with botocore installed, parameters and answers are checked against AWS's own
description of them.
"""
