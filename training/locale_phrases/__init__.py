"""Pairs of short texts in two languages: dates, times, quantities, names of languages, countries,
currencies and units, and a phrasebook.

People type such texts, and corpora of sentences have few of them. The data are those of the Unicode
Common Locale Data Repository (CLDR), which Babel carries, under the Unicode License; `frames` and
`phrasebook.tsv`, for three languages, are this project's own.
"""
