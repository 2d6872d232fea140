"""Networks on binary trees: a vector of each phrase from those of its two parts."""
