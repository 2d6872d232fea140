"""Pairs of short phrases in two languages: dates, times, quantities, and names of languages,
countries, currencies and units.

People type such phrases, and corpora of sentences have few of them. The data are those of the
Unicode Common Locale Data Repository (CLDR), which Babel carries, under the Unicode License. What
stands around them is in `frames`, for the languages that it has.
"""
