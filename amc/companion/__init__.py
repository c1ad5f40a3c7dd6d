"""Code that only the notebooks need: measurements besides the paper's tables, controls, and answers in words.

Nothing of the pipeline imports from here.
"""
