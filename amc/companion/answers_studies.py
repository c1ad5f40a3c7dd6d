"""Answers of the notebooks that look closer: parameters, rows and provenance of a record in, sentences out.

See `answers`. Every function returns two to four sentences, without capitals and full stops.
"""

import math
from collections.abc import Sequence

import numpy as np

from amc.companion import sensitivity
from amc.companion.noise import FEW, Z
from amc.companion.phrases import count, effect, limits, listed, nothing_yet, number, span, triple
from amc.config import METHOD
from amc.synth.raft_card import NOTHING

LITTLE = 0.1  # of the angle that another video makes, and 1 - LITTLE the least correlation of an unchanged ranking
OFTEN = 3  # behaviours of a time budget to name


def flow_interleaving(parameters: dict, rows: Sequence[dict], origin: dict) -> list[str]:
    """02: the error of the estimate against zero flow, its way into a picture, and its worth for recognition."""
    method, of = parameters["flow_method"], {row["method"]: row for row in rows}
    found = [f"no true flow is known of {origin['source']}, so the error of the estimate is not measured here"]
    if of:
        found = [f"{_error(method, of, origin['gain'])}{_far(method, origin['steps'])}"]
    found.append(
        f"for the model the field becomes a picture on one fixed scale, full colour at {parameters['max_px']:g} px per "
        "frame in the figures here, and stands right behind its frame"
    )
    return [*found, _worth(method, origin["effect"])]


def _error(method: str, of: dict[str, dict], gain: dict) -> str:
    """The error of the method of the figures, what it takes away from that of zero flow, and the best method."""
    names = ("epe", "low", "high")
    mine, more = span([of[method][name] for name in names], ".2f"), [number(gain[name]) for name in names]
    zero = f"zero flow (nothing moves, {of[NOTHING]['epe']:.2f} px)"
    less = span([-more[0], -more[2], -more[1]], ".2f")
    verdict = f"not significantly different from {zero}"
    verdict = effect(
        more[1], more[2], f"worse than {zero} by {span(more, '.2f')} px", f"better than {zero} by {less} px", verdict
    )
    best = min((row for row in of.values() if row["method"] != NOTHING), key=lambda row: row["epe"])
    also = "" if best["method"] == method else f"; the best is {best['method']} with {best['epe']:.2f} px"
    return (
        f"the flow of {method} is off by {mine} px per frame over {count(of[method]['clips'], 'clip')}, {verdict}{also}"
    )


def _far(method: str, steps: Sequence[dict]) -> str:
    """The part of the error of zero flow that the estimate removes, between neighbours and between distant frames."""
    errors = {(row["step"], row["method"]): row["epe"] for row in steps}
    known = [step for step, name in errors if name == method]
    if len(known) < 2:
        return ""
    near, far = (100 * (1 - errors[step, method] / errors[step, NOTHING]) for step in (min(known), max(known)))
    apart = f"{far:.0f} % between frames {max(known)} apart"
    return f"; {method} removes {near:.0f} % of zero flow's error between neighbouring frames, {apart}"


def _worth(method: str, effects: Sequence[dict]) -> str:
    rows = [row for row in effects if row["modality"] == "rgb+flow"]
    if not rows:
        return "what it is worth for recognition was not measured in this run (parameter effect)"
    row = next((row for row in rows if row["flow"] == method), rows[0])
    values = triple(row, "more")
    verdict = effect(values[1], values[2], "more", "less", "not significant")
    return (
        f"frames with the flow of {row['flow']} have {span(values, '+.1f')} points of macro mAP against frames alone, "
        f"{verdict}, with one training run each"
    )


def inside_the_model(parameters: dict, rows: Sequence[dict], origin: dict) -> list[str]:
    """06: what frames get from flow, and whether the model uses the order of the slots and the motion in them."""
    of = {row["change"]: row for row in origin["sensitivity"]}
    intact, size = of[sensitivity.INTACT], parameters["size"]
    macro = f"macro mAP {span(triple(intact, 'map_macro'))}, chance {intact['chance_macro']:.1f}"
    first = f"{count(intact['clips'], 'test clip')}, {origin['weights']}, {macro}"
    if not number(intact["map_macro_low"]) > intact["chance_macro"]:
        ignorant = nothing_yet(size) if parameters["trained"] else "these weights know nothing"
        first = f"{ignorant}, so what they use cannot be seen: {first}"
    other = of[sensitivity.OTHER]
    unit = _degrees(other)
    found = [f"{first}; the slots of another video turn the video's embedding by {unit}{_exchange(rows)}"]
    order, motion = of[sensitivity.REVERSED], of.get(sensitivity.AT_REST)
    found.append(f"order: {_moved('reversing the slots', order)}, so {_used(order, other, 'their order')}")
    if _is_still(order, other):
        found[-1] += ": to this model, the slots are a set of pictures, not a sequence"
    if motion is None:
        return [*found, "motion: these slots hold no flow"]
    found.append(f"motion: {_moved('putting all flow at rest', motion)}, so {_used(motion, other, 'motion')}")
    return [*found, *limits(size)]


def _exchange(rows: Sequence[dict]) -> str:
    """The attention between frames and flow in the last layer of the clip of the figures; empty without both kinds."""
    if not rows or "frame → flow" not in rows[-1]:
        return ""
    shares = (f"{rows[-1][f'{a} → {b}']:.2f}" for a, b in (("frame", "flow"), ("flow", "frame")))
    return "; in the last layer, frames attend to flow with {} of uniform attention, flow to frames with {}".format(
        *shares
    )


def _moved(what: str, row: dict) -> str:
    rank, changed = span(triple(row, "rank"), ".2f"), span(triple(row, "map_macro_change"), "+.1f")
    return (
        f"{what} turns it by {_degrees(row)}, the ranks of the behaviours correlate by {rank}, "
        f"and macro mAP changes by {changed} points"
    )


def _degrees(row: dict) -> str:
    return span(triple(row, "angle"), sensitivity.precision(number(row["angle"])), " degrees")


def _used(row: dict, other: dict, what: str) -> str:
    """Whether something that was taken away is used: by the paired change of macro mAP, then by the embedding."""
    _, low, high = triple(row, "map_macro_change")
    if low > 0 or high < 0:
        return f"{what} is used, {'and its loss costs mAP' if high < 0 else 'but mAP is higher without it'}"
    if _is_still(row, other):
        return f"{what} is hardly used"
    return f"{what} moves the embedding or the ranking, but no effect on mAP is shown"


def _is_still(row: dict, other: dict) -> bool:
    """Whether a change hardly moves the embedding, compared with another video, nor the ranking, nor the mAP."""
    _, low, high = triple(row, "map_macro_change")
    is_near = number(row["angle_high"]) < LITTLE * number(other["angle"]) and number(row["rank_low"]) > 1 - LITTLE
    return is_near and low <= 0 <= high


def your_own_video(parameters: dict, rows: Sequence[dict], origin: dict) -> list[str]:
    """07: the bouts of the video, and how far they can be trusted."""
    spent = {}
    for row in rows:
        spent[row["behaviour"]] = spent.get(row["behaviour"], 0) + row["duration_s"]
    most = sorted(spent, key=spent.get, reverse=True)[:OFTEN]
    if rows:
        length, first = origin["length_s"], min(rows, key=lambda row: row["start_s"])
        shares = listed(f"{name} {100 * spent[name] / length:.0f} %" for name in most)
        found = f"{count(len(rows), 'bout')} of {count(len(spent), 'behaviour')} in {length:.1f} s"
        did = f"the model finds {found}, the longest are {shares} of the time"
        did += f"; the first is {first['behaviour']} from {first['start_s']:.1f} to {first['stop_s']:.1f} s"
    else:
        did = "no behaviour reaches its threshold, so the model says nothing about this video"
    return [did, _trust(origin), _labels(origin["learning_curve"]), *limits(parameters["size"])]


def _trust(origin: dict) -> str:
    """Stamps, measured accuracy, and the share of out-of-distribution frames."""
    parts = [f"the weights are stamped: {origin['stamp']}"] * bool(origin["stamp"])
    measured = origin["recovered"][:2]  # bout F1 and frame F1
    if measured:
        each = (f"{row['name']} is {span([row[name] for name in ('value', 'low', 'high')], '.2f')}" for row in measured)
        parts.append(f"on {count(measured[0]['films'], 'film')} of known events {listed(each)}")
    else:
        kappa = [number(row["kappa"]) for row in origin["agreement"] if math.isfinite(number(row["kappa"]))]
        mean = f"the mean kappa with the given annotation is {np.mean(kappa):.2f}" if kappa else ""
        parts.append(mean or "its accuracy on this video is not known, because nothing was annotated to compare with")
    if origin["out_of_distribution"] is not None:
        parts.append(f"{100 * origin['out_of_distribution']:.0f} % of the frames are unlike the training clips")
    return "; ".join(parts)


def _labels(curve: Sequence[dict]) -> str:
    """What more labels bring, by the ends of the learning curve."""
    few, many = (triple(curve[end], "map_macro") for end in (0, -1))
    is_apart = many[1] > few[2]
    verdict = "more labels help" if is_apart else "the intervals overlap, so no gain by more labels is shown"
    ends = (f"{span(value)} with {curve[end]['clips']}" for end, value in ((0, few), (-1, many)))
    return (
        f"macro mAP is {' and '.join(ends)} labelled clips, where chance is {curve[-1]['chance_macro']:.1f}: {verdict}"
    )


def benchmark_audit(parameters: dict, rows: Sequence[dict], origin: dict) -> list[str]:
    """08: what needs no pixel, whether the test split leaks, and which differences are noise."""
    of = {row["method"]: row for row in rows}
    values = [span(triple(of["species"], name)) for name in ("map_macro", "map_micro")]
    first = (
        f"on the labels of {parameters['dataset']}, a predictor that knows only the species has {values[0]} macro and "
        f"{values[1]} micro mAP"
    )
    if origin["above"]:
        beaten = [listed(map(_system, origin["above"][f"species, {name}"])) for name in ("macro", "micro")]
        first += f", above the published macro numbers of {beaten[0]} and the micro numbers of {beaten[1]}"
    return [first, _leak(origin), _noise(origin)]


def _system(name: str) -> str:
    """`I3D (its best variant)` of `I3D, its best variant`: a name without commas."""
    system, _, which = name.partition(", ")
    return f"{system} ({which})" if which else system


def _leak(origin: dict) -> str:
    leak = origin["leakage"]
    if not leak["test_clips_concerned"]:
        return "no test clip shares a source with training, so nothing can leak this way"
    text = f"{leak['test_clips_concerned']} of {leak['test_clips']} test clips seem to share a source with training"
    if leak.get("gap"):
        low, high = leak["gap"][1:]
        word = effect(low, high, "more alike", "less alike", "not significantly more alike")
        text += (
            f", whose labels are {word} than those of other clips of the same species, by {span(leak['gap'], '+.3f')}"
        )
    values = [origin["source_gain"][name] for name in ("difference", "low", "high")]
    verdict = effect(number(values[1]), number(values[2]), "a gain", "a loss", "not significant")
    return f"{text}; knowing the source adds {span(values, '+.1f')} points of macro mAP to the species, {verdict}"


def _noise(origin: dict) -> str:
    """The smallest significant difference at the noise that our systems share, and the bias of a small split."""
    smallest, effect_size, share = origin["smallest_differences"], origin["effect"], origin["shared_noise"]
    columns = {name: [row[f"map_{name}"] for row in smallest] for name in ("macro", "micro")}
    least = {name: float(np.interp(share, [row["share"] for row in smallest], c)) for name, c in columns.items()}
    beyond = [name for name, size in least.items() if effect_size > size]
    verdict = f"more than noise in {listed(beyond)} mAP" if beyond else "not more than noise in either"
    bias, error = (origin["small_split_bias"][0][name] for name in ("bias", "error"))
    off = span((bias, bias - Z * error, bias + Z * error), "+.1f")
    return (
        f"two systems that share noise as ours do ({share:.2f}) differ significantly from {least['macro']:.1f} points "
        f"of macro and {least['micro']:.1f} of micro mAP on, so the paper's effect of flow, {effect_size:.1f} points, "
        f"would be {verdict}; macro mAP of such a split is {off} points off that of all clips there are"
    )


def unseen(parameters: dict, rows: Sequence[dict], origin: dict) -> list[str]:
    """09: new animals, and behaviours that are known by name only."""
    names = {row["system"]: row for row in rows if row["question"] == "behaviours"}
    held_out, chance = _macro(names["held out"]), number(names["held out"]["chance"])
    verdict = effect(held_out[1] - chance, held_out[2] - chance, "above", "below", "not significantly different from")
    clips = [each["videos"] for each in origin["behaviours"]]
    few = f", but none of them has {FEW} clips, too few to conclude from" if max(clips) < FEW else ""
    by_name = f"by name alone, the {count(len(clips), 'held-out behaviour')} have {span(held_out)} macro mAP, {verdict}"
    by_name += f" chance, {chance:.1f}{few}"
    upper = _macro(names["trained on it"])
    if not upper[1] > chance:
        by_name = f"{nothing_yet(parameters['size'])}, even trained on them it has {span(upper)}; {by_name}"
    others, labels = (_gain(origin["gains"][name]) for name in ("training on others", "their labels"))
    changed = f"training on the other behaviours changes this by {others}; having their labels changes it by {labels}"
    return [_animals(rows), by_name, f"{changed}, for one training run each", *limits(parameters["size"])]


def _macro(row: dict) -> tuple[float, float, float]:
    return tuple(number(row[name]) for name in ("macro", "low", "high"))


def _gain(found: dict) -> str:
    values = [number(found[name]) for name in ("difference", "low", "high")]
    verdict = effect(values[1], values[2], "a gain", "a loss", "not significant")
    return f"{span(values, '+.1f')} points, {verdict}"


def _animals(rows: Sequence[dict]) -> str:
    """Known and new animals, for the model and the species prior."""
    of = {(row["system"], row["group"]): _macro(row) for row in rows if row["question"] == "animals"}
    if not of:
        return "no test clip shows a new animal, so these are not measured"
    parts = []
    for system in (METHOD, "species prior"):
        known, new = (of[system, f"{group} animals"] for group in ("known", "new"))
        word = effect(
            known[1] - new[2], known[2] - new[1], "lower on new ones", "higher on new ones", "no decrease is shown"
        )
        parts.append(f"{system} has {span(known)} macro mAP on known animals and {span(new)} on new ones, {word}")
    return "; ".join(parts)
