"""Measures Nightshift beside its peers in the same run; docs/benchmarks.md explains each figure.

Run a benchmark as a module: ``python -m bench.real``, ``bench.identity``, ``bench.anonymize``, ``bench.store`` or
``bench.faults``. Nothing here is installed with the product.
"""
