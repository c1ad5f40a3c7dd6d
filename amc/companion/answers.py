"""The measured answer to the question at the top of each notebook: its record in, a few plain sentences out.

Only numbers of the record are used, and a difference is called found by the notebook's own rule. The answers of the
notebooks that make the paper's tables are in `answers_tables`, those of the others in `answers_studies`.
"""

from collections.abc import Callable, Sequence

from amc.base.errors import choice
from amc.companion import answers_studies, answers_tables, phrases

Answer = Callable[[dict, Sequence[dict], dict], list[str]]
ANSWERS: dict[str, Answer] = {
    "000_first_look": answers_tables.first_look,
    "00_quickstart": answers_tables.quickstart,
    "01_sampling_windows": answers_tables.sampling_windows,
    "02_flow_interleaving": answers_studies.flow_interleaving,
    "03_ablation": answers_tables.ablation,
    "04_state_of_the_art": answers_tables.state_of_the_art,
    "05_error_analysis": answers_tables.error_analysis,
    "06_inside_the_model": answers_studies.inside_the_model,
    "07_your_own_video": answers_studies.your_own_video,
    "08_benchmark_audit": answers_studies.benchmark_audit,
    "09_unseen": answers_studies.unseen,
}


def answer(notebook: str, parameters: dict, rows: Sequence[dict], provenance: dict) -> str:
    """The answer of a notebook as plain text, from the arguments of `results.write` or from a record read again.

    Percent and points of mAP, pixels per frame, degrees, as its rows; a number that is missing (NaN or None) is called
    not measurable. Raises AmcError for a notebook without a question.
    """
    choice("notebook", notebook, list(ANSWERS))
    said = ANSWERS[notebook](parameters, rows, provenance)
    return phrases.spoken(" ".join(phrases.sentence(text) for text in said))
