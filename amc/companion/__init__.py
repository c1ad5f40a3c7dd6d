"""Code that only the notebooks need: measurements besides the paper's tables, controls, and reports.

Nothing of the pipeline imports from here.
"""
