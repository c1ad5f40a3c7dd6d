"""Code that only the notebooks need: measurements besides the paper's tables, controls, exercises, and reports.

Nothing of the pipeline imports from here.
"""
