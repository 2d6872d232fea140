"""Axis names in shape annotations.

    tokens       tokens of all rows of a ragged batch, one row after another, and padding
    rows         sequences or trees of a batch
    length       positions of a padded row
    source       positions of the source sequence that attention reads, padded
    target       positions of the target sequence in training, padded
    nodes        nodes of all trees of a batch, and padding
    leaves       those without children, one tree after another, and padding
    letters      positions of a character inside a word
    alphabet     letters that a tokenizer knows
    width        letters in the receptive field of a filter; numbers in a slot of a memory; nodes of
                 a step over trees
    padded       features filled up to a multiple of a vector's width

    hidden       units of one direction of a recurrent layer
    units        units of a recurrent layer, in a matrix of their connections
    slots        rows of a cell's memory
    heads        places of a cell's memory that are read or written in a step
    gates        pre-activations of one step: 4 * hidden for an LSTM
    inputs       features that a layer reads
    outputs      features that a layer returns
    features     features of a vector in general: an embedding, an encoder's output
    memory       features of an encoded source position
    size         features of a letter
    cells        units of the last layer whose activations are captured

    ids          entries of the vocabulary
    special      PAD, UNK, BOS and EOS, the first entries of the vocabulary
    states       states of a grammar
    best         the most probable of the other entries
    tags         entries of a tag set
    labels       classes of a classifier

    beam         hypotheses of a row
    phrases      phrases that the hypotheses of a row have to contain
    candidates   possible next tokens of a hypothesis
    required     those that a hypothesis has to contain
    chosen       tokens whose log-probabilities are asked for
    count        the first of a sorted axis
    distance     distances between a token and its repetition, from 1
    hypotheses   hypotheses of all rows, those of a row adjacent
    entries      whatever each row has
    queries      queries of a row to attention
    max_length   tokens that a decoding loop writes at most
    steps        iterations of a loop

    copied_rows    rows of several copies of a batch
    copied_tokens  tokens of several copies of a batch, and padding

    batch        any number of leading axes (`*batch`)
    shape        any number of axes (`*shape`)

Within one call, a name has one size. Tests run the kernels under jaxtyping's import hook, which
raises an error where an argument or a result has another shape or dtype than its annotation.
"""

import numpy as np
from jaxtyping import Array, Int

BatchArray = Array | np.ndarray
"""An array of a batch: on the device, or still on the host as `collate` made it."""
Lengths = Int[BatchArray, " rows"]
"""Tokens of each row."""
