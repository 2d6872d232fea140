"""APIs that clients already speak, each a thin translation onto the same models and limits.

A dialect has a `router`, `speaks(path)`, and `refusal(problem)`: the status, body and headers that
its clients expect of an error.
"""
