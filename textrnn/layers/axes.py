"""Axis names in shape annotations.

    rows         sequences of a batch
    time         positions of a sequence; inside a network, arrays are time-major: [time, rows, ...]
    source       positions of the source sequence that attention reads
    target       positions of the target sequence in training
    letters      positions of a character inside a word

    hidden       units of one direction of a recurrent layer
    gates        pre-activations of one step: 4 * hidden for an LSTM
    inputs       features that a layer reads
    outputs      features that a layer returns
    features     features of a vector in general: an embedding, an encoder's output
    memory       features of an encoded source position

    ids          entries of the vocabulary
    tags         entries of a tag set
    labels       classes of a classifier

    beam         hypotheses of a row
    hypotheses   hypotheses of all rows, those of a row adjacent
    queries      queries of a row to attention
    max_length   tokens that a decoding loop writes at most
    steps        iterations of a loop

    batch        any number of leading axes (`*batch`)
    shape        any number of axes (`*shape`)
    points       points of a numerical integral
    copies       rows of a batch that has several copies of each row
    size         features of a letter
    tokens       tokens of a part of one row
    words        words of a sentence

Within one call, a name has one size. Tests run the kernels under jaxtyping's import hook, which
raises an error where an argument or a result has another shape or dtype than its annotation.
"""

import numpy as np
from jaxtyping import Array, Bool, Int

BatchArray = Array | np.ndarray
"""An array of a batch: on the device, or still on the host as `collate` made it."""
Lengths = Int[BatchArray, " rows"]
"""Tokens of each row; positions beyond them are padding."""
TokenIds = Int[BatchArray, "rows time"]
"""Filled up with PAD."""
Mask = Bool[Array, "time rows"]
