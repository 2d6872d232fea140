"""Loops of a cell over the tokens of ragged rows, one for each kind of cell; see `unroll`."""
