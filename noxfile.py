"""The tests on several versions of Python, by hand: `pipx run nox` runs what can be had, `pipx run nox -l` lists it.

reads: the modules that need no model (tables, annotation, scores, metrics), on every version. whole: all of `make
test`, where the package index, or one named with PIP_EXTRA_INDEX_URL, has torch for that version.
"""

import nox

VERSIONS = ["3.11", "3.13", "3.14"]
READING = (
    "aggregate", "agreement", "animal_kingdom", "annotations", "boris_itself", "boris_project", "charades", "ethogram",
    "exports", "frame_table", "kabr", "metrics", "sheets",
    "out_of_distribution", "paths", "protocols", "results", "sampling", "scores",
)  # fmt: skip
LIGHT = (
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
    "banos",
    "openpyxl",
    "matplotlib",
    "seaborn",
    "pillow",
    "tqdm",
    "pytest",
    "hypothesis",
)

nox.options.sessions = ["reads"]


@nox.session(python=VERSIONS)
def reads(session: nox.Session) -> None:
    """What reads files without a model, with no torch installed."""
    session.install(*LIGHT)
    tests = [f"tests/test_{name}.py" for name in READING]
    session.run(
        "python", "-m", "pytest", "-p", "no:cacheprovider", *tests, env={"PYTHONPATH": ".", "MPLBACKEND": "Agg"}
    )


@nox.session(python=VERSIONS)
def whole(session: nox.Session) -> None:
    """Every test, with the pinned versions."""
    session.install("--constraint", "constraints.txt", "--editable", ".[baselines,nwb,tables,test]")
    session.run("python", "-m", "pytest", "-n", "2", "--dist", "loadfile", env={"OMP_NUM_THREADS": "1"})
