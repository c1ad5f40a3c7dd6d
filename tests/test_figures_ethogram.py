"""Pictures of an ethogram show its bouts where they are, say what has to be said of the weights, and stay readable."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from test_ethogram import NAMES, edges_at

from amc.ethogram import agreement
from amc.ethogram.bouts import Rules
from amc.ethogram.record import Ethogram
from amc.figures import Key, accuracy, beside_human, key_frames, style
from amc.figures import ethogram as drawn

STAMP = "RANDOM WEIGHTS"


@pytest.fixture
def shown() -> Ethogram:
    probs = np.zeros((100, 2), np.float32)
    probs[20:50, 0], probs[60:65, 1] = 0.9, 0.7
    return Ethogram("fox", "fox.mp4", 10.0, edges_at(10, 100), NAMES, probs, np.full(2, 0.5), Rules(1, 0, 0), STAMP)


def texts(figure: Figure) -> str:
    figure.canvas.draw()
    found = [text.get_text() for text in figure.findobj(lambda o: hasattr(o, "get_text"))]
    return "\n".join(found)


def spans(figure: Figure) -> list[tuple[float, float]]:
    """Left and right end of every bar."""
    bars = [
        path for part in figure.axes[0].collections if isinstance(part, PolyCollection) for path in part.get_paths()
    ]
    return [(path.vertices[:, 0].min(), path.vertices[:, 0].max()) for path in bars]


def test_bouts_stand_where_they_are(shown):
    found = spans(drawn.ethogram(shown))
    assert any(span == pytest.approx((2, 5)) for span in found) and any(
        span == pytest.approx((6, 6.5)) for span in found
    )


def test_long_videos_are_drawn_in_minutes_and_from_few_points(shown):
    edges = edges_at(10, 40_000)
    probs = np.repeat(shown.probs, 400, axis=0)
    figure = drawn.ethogram(replace(shown, edges=edges, probs=probs))
    assert figure.axes[0].get_xlabel() == "time, min"
    assert max(len(path.vertices) for c in figure.axes[0].collections for path in c.get_paths()) < 8 * drawn.POINTS
    assert any(span == pytest.approx((8000 / 600, 20_000 / 600), rel=1e-3) for span in spans(figure))


def test_what_is_unlike_training_is_marked_only_where_there_is_any(shown):
    far = replace(shown, distance=np.where(np.arange(100) < 30, 2.0, 0.5))
    assert "unlike the training clips" in texts(drawn.ethogram(far)) and any(
        span == pytest.approx((0, 3)) for span in spans(drawn.ethogram(far))
    )
    assert "unlike the training clips" not in texts(drawn.ethogram(replace(shown, distance=np.zeros(100))))


def test_the_stamp_stands_on_every_picture(shown):
    pictures = np.zeros((3, 8, 8, 3), np.uint8)
    table = agreement.confusion(shown.frames, shown.frames, NAMES, shown.edges)
    curve = [{"clips": 8, "chance_macro": 5} | dict.fromkeys(("map_macro", "map_macro_low", "map_macro_high"), 9.0)]
    for figure in (
        drawn.ethogram(shown),
        drawn.time_budget(shown),
        drawn.transitions(shown),
        key_frames(pictures, pictures, ["a", "b", "c"], key=Key(pictures[0], 3), stamp=STAMP),
        beside_human.agreement(shown.frames, shown.frames, NAMES, shown.edges, stamp=STAMP),
        beside_human.confusion(table, length=10.0, stamp=STAMP),
        accuracy.measured([{"name": "bout F1", "films": 3, "value": 1, "low": 0, "high": 1}], stamp=STAMP),
        accuracy.learning_curve(curve, stamp=STAMP),
    ):
        assert STAMP in texts(figure)


def test_of_many_behaviours_all_that_have_a_bout_are_drawn_and_the_human_s_too(shown):
    assert drawn.chosen(shown, 1) == [0, 1]
    one = replace(shown, probs=shown.probs * [1, 0])
    assert drawn.chosen(one, 1) == [0] and "1 other behaviour not drawn" in texts(drawn.ethogram(one, most=1))
    human = replace(shown, probs=shown.probs[:, ::-1] * [0, 1.0])
    assert drawn.chosen(one, 1, human) == [0, 1]


def test_every_bout_that_is_counted_is_drawn_however_many_behaviours_and_however_long_the_video():
    names = tuple(f"behaviour {k}" for k in range(15))
    probs = np.zeros((36_000, 15), np.float32)
    for k in range(15):
        probs[1000 + 2000 * k : 1005 + 2000 * k, k] = 0.9  # half a second of an hour
    shown = Ethogram("fox", "fox.mp4", 10.0, edges_at(10, 36_000), names, probs, np.full(15, 0.5), Rules(1, 0, 0))
    figure = drawn.ethogram(shown)
    FigureCanvasAgg(figure).draw()
    axes = figure.axes[0]
    assert "15 bouts" in axes.get_title(loc="left") and len(axes.get_yticklabels()) == 15
    picture = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)
    for k in range(15):
        x, y = axes.transData.transform((100.25 / 60 + 200 / 60 * k, k - 0.14)).round().astype(int)
        around = picture[len(picture) - y - 2 : len(picture) - y + 2, x - 2 : x + 3]
        assert (around[..., 2] - around[..., 0] > 60).any(), f"bout {k} is not seen"


def test_a_budget_says_seconds_bouts_and_never(shown):
    assert "3.0 s in 1 bout" in texts(drawn.time_budget(shown))
    assert "never" in texts(drawn.time_budget(shown.at(0.8)))


def test_a_budget_of_overlapping_behaviours_says_that_it_adds_up_to_more_than_the_video(shown):
    assert "overlap" not in texts(drawn.time_budget(shown))
    assert f"the model sees {NAMES[0]} longest, 30 % of the time" in texts(drawn.time_budget(shown)).replace("\n", " ")
    both = replace(shown, probs=np.full((100, 2), 0.9, np.float32))
    assert "behaviours overlap, so the model's sum is 200 %" in texts(drawn.time_budget(both))


def test_the_human_s_budget_stands_beside_the_model_s_with_what_only_the_human_saw(shown):
    model, human = replace(shown, probs=shown.probs * [1, 0]), replace(shown, probs=shown.probs * [0, 1])
    figure = drawn.time_budget(model, human=human)
    assert [bar.get_width() for bar in figure.axes[0].patches] == pytest.approx([30, 0, 0, 5])
    assert f"the model sees {NAMES[0]} longest, 30 % of the time, the human 0 %" in texts(figure).replace("\n", " ")


def test_a_pair_is_named_the_usual_one_only_if_chance_hardly_makes_it_so(shown):
    def title(times: int) -> str:
        probs = np.zeros((100, 2), np.float32)
        for k in range(times):
            probs[8 * k : 8 * k + 3, 0], probs[8 * k + 4 : 8 * k + 7, 1] = 0.9, 0.9
        return texts(drawn.transitions(replace(shown, probs=probs))).replace("\n", " ")

    assert "1 of the model's 2 bouts is followed by another: too few to tell which pair is usual" in title(1)
    assert "11 of the model's 12 bouts are followed by another: too few to tell" in title(6)
    assert drawn._is_rare(6, 0) and not drawn._is_rare(3, 2) and not drawn._is_rare(5, 0)


def test_a_stamp_names_on_a_picture_only_behaviours_that_it_shows(shown):
    stamp = f"FEW CLIPS to train on: elsewhere 2, {NAMES[0]} 4, THRESHOLDS AT CHANCE: elsewhere"
    told = texts(drawn.time_budget(replace(shown, stamp=stamp))).replace("\n", " ")
    assert f"too few clips to trust: {NAMES[0]}; more such behaviours: see the tables" in told
    assert "elsewhere" not in told and "FEW CLIPS" not in told


def test_a_confusion_is_in_percent_of_the_human_s_seconds(shown):
    human, model = np.zeros((2, 100, 2), bool)
    human[:40, 0], model[:10, 0], model[10:40, 1] = True, True, True  # 4 s, of which the model finds 1
    figure = beside_human.confusion(agreement.confusion(human, model, NAMES, shown.edges), length=3.0)
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        f"{NAMES[0]} (4.0 s)", f"{NAMES[1]} (0.0 s)", "no other label: the model adds (6.0 s)"
    ]  # fmt: skip
    assert axes.images[0].get_array().tolist() == [[25, 75, 0], [0, 0, 0], [0, 0, 100]]
    told = "The model says the same as the human for 25 % of the 4 s the human labelled"
    several = "(several behaviours at once, so more than the video's 3 s)"
    assert f"{told} {several}" in texts(figure).replace("\n", " ")
    assert axes.images[0].get_alpha()[:, 0].tolist() == [1, 0.25, 1]  # pale: hardly any seconds


def test_the_title_of_an_agreement_is_the_share_of_the_counted_time_that_either_marks(shown):
    human, model = np.zeros((2, 100, 2), bool)
    human[:40, 0], model[30:50, 0] = True, True
    title = "Human and model agree for {} % of the time in which either of them sees a behaviour"
    assert title.format(20) in texts(beside_human.agreement(human, model, NAMES, shown.edges)).replace("\n", " ")
    counted = np.arange(100) >= 25
    seen = beside_human.agreement(human, model, NAMES, shown.edges, counted=counted)
    assert title.format(40) in texts(seen).replace("\n", " ")


def test_an_agreement_has_a_row_for_each_behaviour_that_the_human_or_only_the_model_marks(shown):
    human, model = np.zeros((2, 100, 3), bool)
    human[:40, 0], model[30:50, 2] = True, True
    figure = beside_human.agreement(human, model, ["walk", "sleep", "jump"], shown.edges)
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["walk", "jump"]
    assert (3, 5) in [pytest.approx(span) for span in spans(figure)]


def test_a_video_without_bouts_has_all_its_pictures(shown):
    empty = shown.at(1.0)
    for figure in (drawn.ethogram(empty), drawn.time_budget(empty), drawn.transitions(empty)):
        assert "fox" in texts(figure)


@pytest.mark.filterwarnings("error")  # of a layout that does not fit
def test_small_pictures_have_room_for_their_titles_and_stamps(shown, tmp_path):
    stamp = "this model was trained on drawn animals only, so it says nothing about the animals of a real video"
    rest = replace(shown, probs=np.full((100, 1), 0.9, np.float32), names=("rest",), threshold=shown.threshold[:1])
    for video in (replace(rest, stamp=stamp, support=None), replace(rest, stamp=stamp, support=None).at(1.0)):
        for name, figure in {"budget": drawn.time_budget(video), "transitions": drawn.transitions(video)}.items():
            style.write(figure, tmp_path / f"{name}.png", name)
    assert not drawn.transitions(rest).axes[0].axison  # no numbers of nothing
