"""Answers of the notebooks that make the paper's tables: parameters, rows and provenance of a record in, sentences out.

See `answers`. Every function returns a few sentences without capitals and full stops, the verdict before its numbers.
"""

from collections.abc import Sequence

from amc.companion.phrases import (
    METRICS,
    above_chance,
    against_chance,
    change,
    count,
    direction,
    effect,
    found_in,
    limits,
    listed,
    nothing_yet,
    number,
    span,
    triple,
)  # fmt: skip
from amc.config import METHOD
from amc.runs.recipes import BLIND, PRETRAINED

ENOUGH = 20  # events; groups with fewer are not reported
FRAMES = (("sparse rgb", "dense rgb"), ("semi-dense rgb", "dense rgb"))  # (of, against) in differences of 03
MOTION = (("sparse rgb+flow", "sparse rgb"),)
PRETRAINING = ((PRETRAINED, "MSQNet"),)  # the same of 04


def first_look(parameters: dict, rows: Sequence[dict], origin: dict) -> list[str]:
    """000: what single pictures, flow and sampling tell about a jump."""
    sits, *jumps = origin["moments"]
    named = listed(f"{row['named']} when it {_verb(row)}" for row in (sits, *jumps))
    moves = listed(f"{row['moves']} when it {_verb(row)}" for row in jumps)
    chances = listed(f"{row['any']:.0f} % of its possible starts under {row['scheme']}" for row in rows)
    sizes = f"{count(parameters['num_windows'], 'classifier')} of {count(parameters['frames'], 'frame')}"
    is_told = min(row["named"] for row in jumps) > sits["named"]
    told = "a picture tells the jump in part" if is_told else "a picture does not tell the jump"
    return [
        f"of {count(sits['films'], 'frog')}, a small CLIP reads Jumping from a single picture in {named}, so to it "
        f"{told}; the flow is stronger than while the same frog sits in {moves}",
        f"with {sizes} in a film of {origin['num_frames']} frames, at least one has a frame of the jump at {chances}",
        "where a frame of the jump is chosen, the model receives it and right behind it the picture of its flow",
    ]


def _verb(row: dict) -> str:
    """`sits`, `takes off`, `is in the air`."""
    return f"is {row['moment']}" if row["moment"].startswith("in ") else row["moment"]


def quickstart(parameters: dict, rows: Sequence[dict], origin: dict) -> list[str]:
    """00: the way of one video to its labels, and whether the model is better than chance."""
    [row] = rows
    name = f"{row['species']}, {row['num_frames']} frames" if row.get("species") else f"{row['num_frames']} frames"
    pictures = f"{count(row.get('views') or 1, 'short clip')} of {count(row['num_slots'], 'picture')} each"
    known = f"on {count(row['videos'], 'test clip')} {against_chance(row)}"
    if not any(above_chance(row, metric) for metric in METRICS):
        known = f"{nothing_yet(parameters['size'])}: {known}"
    return [
        f"The video ({name}) becomes {pictures}; the model scores every behaviour in each of them, and a behaviour "
        f"whose mean score reaches {row['threshold']:.2f} is predicted",
        labels_of(row),
        known,
        *limits(parameters["size"]),
    ]


def labels_of(row: dict) -> str:
    """The predicted labels of a clip beside the annotated ones. row: `annotated`, `predicted`, names; `highest`, the
    name and score of the highest behaviour."""
    annotated, predicted = row["annotated"], row["predicted"]
    if not predicted:
        best = f", the highest is {row['highest'][1]:.2f} for {row['highest'][0]}" if row.get("highest") else ""
        missed = f"all annotated labels are missed ({listed(annotated)})" if annotated else "as in the annotation"
        return f"No score reaches the threshold{best}: nothing is predicted, {missed}"
    right = [name for name in annotated if name in predicted]
    more = [name for name in predicted if name not in annotated]
    parts = [f"{len(right)} of {count(len(annotated), 'annotated label')} predicted (annotated: {listed(annotated)})"]
    return "; ".join(parts + [f"predicted but not annotated: {listed(more)}"] * bool(more))


def sampling_windows(parameters: dict, rows: Sequence[dict], origin: dict) -> list[str]:
    """01: the frames that no classifier sees, and how the schemes show the shortest events."""
    schemes = list(dict.fromkeys(row["scheme"] for row in rows))
    lengths = list(dict.fromkeys(row["seconds"] for row in rows if row["events"] >= ENOUGH))
    sizes = f"{count(parameters['num_windows'], 'classifier')} of {count(parameters['frames'], 'frame')}"
    seen = listed(f"{100 * (1 - share):.0f} % under {scheme}" for scheme, share in origin["unseen"].items())
    found = [f"{sizes} see only a part of the frames of the clip: {seen}"]
    if not lengths:
        return [*found, f"no group of events has {ENOUGH}, so what the schemes catch is not measured"]
    for length in dict.fromkeys((lengths[0], lengths[-1])):
        of = {row["scheme"]: row for row in rows if row["seconds"] == length}
        low, high = length.strip("(]").split(", ")
        events = f"{of[schemes[0]]['events']} events of {'at most' if float(low) == 0 else f'{low} to'} {high} s"
        seen = _extremes(of, "any", "more are seen by at least one classifier", "no scheme is shown to miss fewer")
        share = _extremes(
            of, "share", "more classifiers see such an event", "no scheme is shown to show them to more classifiers"
        )
        found.append(f"of {events}, {seen}; {share}")
    return found


def _extremes(of: dict[str, dict], name: str, more: str, level: str) -> str:
    """`more` under the scheme with the most than under that with the least if their intervals are apart, else `level`.

    With the percentages of the two, or of all schemes.
    """
    values = {scheme: triple(row, name, scale=100) for scheme, row in of.items()}
    most, least = max(values, key=lambda s: values[s][1]), min(values, key=lambda s: values[s][2])
    said = {scheme: span(value, ".0f", " %") for scheme, value in values.items()}
    if values[most][1] > values[least][2]:
        return f"{more} under {most} than under {least}, {said[most]} against {said[least]}"
    return f"{level}, {listed(f'{value} under {scheme}' for scheme, value in said.items())}"


def ablation(parameters: dict, rows: Sequence[dict], origin: dict) -> list[str]:
    """03: whether the frames matter, and whether motion adds to a frame."""
    unique = list({(row["scheme"], row["modality"]): row for row in rows}.values())
    return [
        f"{_learnt(unique, parameters['size'], 'scheme', 'modality')}; {_seeds(rows)}",
        *_question("which frames", FRAMES, origin),
        *_question("motion beside frames", MOTION, origin),
        *_at_rest(origin.get("controls") or []),
        *limits(parameters["size"]),
    ]


def _learnt(rows: Sequence[dict], size: str, *named: str) -> str:
    """How many rows are above chance in macro mAP, and the highest; named: the columns that name a row in its table."""
    above = [row for row in rows if above_chance(row)]
    if not above:
        return f"{nothing_yet(size)}: no row's macro mAP is above chance"
    best = max(above, key=lambda row: row["map_macro"])
    return (
        f"above chance in macro mAP: {len(above)} of {count(len(rows), 'row')}, "
        f"the highest is {' '.join(best[column] for column in named)} with {span(triple(best, 'map_macro'))}, "
        f"where chance is {best['chance_macro']:.1f}"
    )


def _seeds(rows: Sequence[dict]) -> str:
    seeds = max(row.get("seeds") or 1 for row in rows)
    return "one training run per row" if seeds == 1 else f"means of {seeds} training runs per row"


def _question(name: str, pairs: Sequence[tuple[str, str]], origin: dict) -> list[str]:
    """Whether one of several differences is found, then all of them in numbers. pairs: (of, against)."""
    known = {(found.get("of") or found.get("method"), found["against"]): found for found in origin["differences"]}
    least, asked = origin["detectable"], [pair for pair in pairs if pair in known]
    if not asked:
        wanted = listed(dict.fromkeys(row for pair in pairs for row in reversed(pair)))
        return [f"{name}: not measured in this run, which lacks some of the rows {wanted}"]
    signs = {direction(known[pair], metric, least=number(least[metric])) for pair in asked for metric in METRICS}
    verdict = {(1, 0): "a gain is found", (0, 1): "a loss is found"}.get(
        (1 in signs, -1 in signs), "differences in both directions are found"
    )
    where = [f"{listed(metrics)} mAP of {pair[0]}" for pair in asked if (metrics := found_in(known[pair], least))]
    verdict = f"{verdict} in {listed(where)}" if where else f"no difference is found ({_limit(least)})"
    each = "; ".join(f"{' minus '.join(pair)} is {change(known[pair])}" for pair in asked)
    return [f"{name}: {verdict}", f"in numbers, {each}"]


def _limit(least: dict) -> str:
    """What a difference needs to be called found."""
    macro, micro = (number(least[metric]) for metric in METRICS)
    return f"found means: significant, and at least {macro:.1f} points of macro or {micro:.1f} of micro mAP"


def _at_rest(needs: Sequence[dict]) -> list[str]:
    """What zero motion does to the row of frames with flow; nothing if it was not measured."""
    for row in needs:
        if (row["scheme"], row["modality"], row["control"]) == ("sparse", "rgb+flow", "flow at rest"):
            values = triple(row, "map_macro_change")
            verdict = effect(values[1], values[2], "significantly", "significantly", "not significantly")
            name = f"{row['scheme']} {row['modality']}"
            return [f"putting all flow at rest changes {name} {verdict}, by {span(values, '+.1f')} points of macro mAP"]
    return []


def state_of_the_art(parameters: dict, rows: Sequence[dict], origin: dict) -> list[str]:
    """04: the order of the systems in one metric, and what is possible without video."""
    seeing = [row for row in rows if row["method"] not in BLIND]
    found, least = origin["differences"], origin["detectable"]
    first = "no system that sees video was run"
    if seeing:
        first = f"{_learnt(seeing, parameters['size'], 'method')}; {_seeds(rows)}"
    against = {each["method"]: each for each in found if each["against"] == METHOD and each["method"] not in BLIND}
    second = f"{METHOD} {_standing(against, least)}" if against else f"{METHOD} was not compared with another system"
    trained = any((each["method"], each["against"]) == PRETRAINING[0] for each in found)
    more = _question("pre-training", PRETRAINING, origin) if trained else []
    return [first, second, *more, *_without_video(rows, origin), *limits(parameters["size"])]


def _standing(against: dict[str, dict], least: dict) -> str:
    """Which systems are below, above and level by macro mAP. against: their mAPs minus those of AnimalMotionCLIP."""
    signs = {name: direction(each, least=number(least["map_macro"])) for name, each in against.items()}
    words = {-1: "is better than", 1: "is worse than", 0: "is not found to differ from"}
    parts = [(word, [name for name in signs if signs[name] == sign]) for sign, word in words.items()]
    return f"{listed(f'{word} {listed(names)}' for word, names in parts if names)}, in macro mAP"


def _without_video(rows: Sequence[dict], origin: dict) -> list[str]:
    """The blind rows, also on the real annotation, and the species prior against AnimalMotionCLIP."""
    blind = [row for row in rows if row["method"] in BLIND]
    text = listed(f"{row['method']} {span(triple(row, 'map_macro'))}" for row in blind)
    text = f"without video, macro mAP is: {text}" if blind else "rows without video were not run"
    real = listed(f"{row['method']} {span(triple(row, 'map_macro'))}" for row in origin["blind_on_real_annotation"])
    text += f"; on Animal Kingdom's own annotation {real}" if origin["blind_on_real_annotation"] else ""
    prior = ("species prior", METHOD)
    compared = any((each["method"], each["against"]) == prior for each in origin["differences"])
    return [text, *(_question(f"{prior[0]} against {METHOD}", [prior], origin) if compared else [])]


def error_analysis(parameters: dict, rows: Sequence[dict], origin: dict) -> list[str]:
    """05: the kinds of errors of the analysed run, and the annotator's share."""
    mine = [row for row in rows if row["run"] == rows[0]["run"]]
    kinds = listed(f"{span(triple(row, 'rate'), '.0f')} of {row['kind']}" for row in mine)
    found = [f"per 100 videos the errors are {kinds}", _annotator(origin)]
    quality, size = origin.get("quality"), parameters["size"]
    if quality and not any(above_chance(quality, metric) for metric in METRICS):
        found.insert(0, f"{nothing_yet(size)} ({against_chance(quality)}), so its errors are those of guessing")
    right = [100 * number(value) for value in origin["exactly_right"]]
    return [*found, f"{span(right, '.0f', ' %')} of the videos have exactly the annotated labels", *limits(size)][:4]


def _annotator(origin: dict) -> str:
    if not origin.get("annotators"):
        return "how many errors are the annotator's is not known, because the truth of the frames is not"
    share = span([100 * number(value) for value in origin["annotators"]], ".0f", " %")
    text = f"{share} of all errors are the annotator's: the behaviour happens but is not annotated"
    for row in origin["against_truth"]:
        if row["metric"] == "map_macro" and "−" in row["against"]:
            values = [number(row[name]) for name in ("value", "low", "high")]
            word = effect(values[1], values[2], "higher", "lower", "not significantly different")
            text += f"; measured against the truth, macro mAP is {word}, {span(values, '+.1f')} points"
    return text
