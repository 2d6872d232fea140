"""Recurrent cells: the computation of one time step."""
