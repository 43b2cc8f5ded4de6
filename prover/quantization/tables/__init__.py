"""Functions of one number as integer tables: the catalogue of real functions with what a proof of their error needs,
the piecewise quadratics that stand for them, and monotone step functions as integer lines.
"""
