"""The score of excluded choices."""

MASKED = -1e9
"""Score or log-probability of an excluded choice. Its probability underflows to 0, while
differences and sums stay finite, as they would not with -inf."""
