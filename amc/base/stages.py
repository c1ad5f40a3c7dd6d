"""A number per stage of the pipeline: together they are the version of the computation behind a result.

Results are stored under keys with these numbers, not the text of the source: rewording, moving or renaming code keeps
them. Raise a stage's number when it computes something else; what depends on it is then recomputed.
`tests/test_stages.py` fails when a stage's code changes, and asks for this decision.
"""

STAGES = {"video": 1, "sampling": 1, "flow": 1, "slots": 1, "model": 2, "training": 2, "scoring": 1}
