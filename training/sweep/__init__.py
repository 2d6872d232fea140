"""Sweeps: training runs of one recipe that differ in some settings, and the best of them.

    textrnn sweep RECIPE 'model.encoder.cell=["lstm", "gru"]' 'train.optimizer.rate=log(1e-4, 1e-2)'

Ray Tune chooses the values, starts the trials and stops the hopeless ones. A trial is an ordinary
run in a directory of its own. The directory of a sweep contains:

    trials/N       the run of each trial
    trials.csv     the values of each trial, its best metric, and how it ended
    trials.png     the same as a picture
    best.toml      the recipe of the best trial, for `textrnn train`
    tune/          the state of Ray Tune, for --resume
"""
