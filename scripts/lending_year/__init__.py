"""A year of lending on real applicants, on any of three Ethereum implementations, with books kept a second time.

The contracts keep their books in Solidity; ``*_books.py`` keep them again from nothing but who did what when, in
Python's own integers. Every balance has to agree to the wei, and every transaction has to cost the same gas on every
implementation.
"""
