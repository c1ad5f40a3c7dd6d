"""What only the notebooks need: what they measure beside the paper's tables, their controls, and the reports.

Nothing of the pipeline imports from here.
"""
