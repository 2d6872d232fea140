"""Benchmarks: textrnn and other implementations, measured in the same run on the same machine.

make bench                              all of them
python -m benchmarks recurrent http        some
"""
