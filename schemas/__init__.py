"""What data looks like: table schemas, site configuration, value types, the op contract and errors.

This room imports none of the others.
"""
