"""Measurements by hand: project and peer side by side, on this machine, in the same run.

make bench                              all of them
python -m benchmarks bilstm http        some
"""
