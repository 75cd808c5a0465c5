"""The tests' tools, installed with the product because `nightshift demo` uses them too.

A sample site built at run time, makers of damaged files, evaluators, and stand-ins for what a worker gives an op.
"""
