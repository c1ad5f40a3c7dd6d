"""Code that only the notebooks need: measurements besides the paper's tables, controls, exercises, answers in words.

Nothing of the pipeline imports from here.
"""
