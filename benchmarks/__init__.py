"""Benchmarks: programs that measure this machine with Seamark on it; they print a table and write JSON.

Nothing here is imported by the package. This module imports nothing, since the baseline's own
environment, which has no Seamark, runs a worker out of this folder.
"""
