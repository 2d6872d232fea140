"""The experiments that made recurrent networks known, on made-up data.

python -m training.experiments [NAME ...]

Each experiment is a file in `recipes/`: a task, networks, and the figure that each has to reach.
Prints a table, and exits with 1 where a figure is missed.
"""
