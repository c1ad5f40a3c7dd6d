"""A number per stage of the pipeline: together they say which version of the computation made a result.

Results are kept under keys that hold these numbers, not the text of the source: rewording, moving or renaming code
keeps them. Whoever changes what a stage computes raises its number, and what depends on it is computed anew;
`tests/test_stages.py` notices a change of a stage's code and asks.
"""

STAGES = {"video": 1, "sampling": 1, "flow": 1, "slots": 1, "model": 1, "training": 1, "scoring": 1}
