"""Synth Menagerie: nothing of it is the Kingdom's, what happens is what is written, worlds do not mix."""

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from amc.base.errors import AmcError
from amc.datasets import catalogue, drawn_world
from amc.synth import bodies, environments, generate, motion, rig, scene
from amc.synth.drawn import Drawn
from amc.synth.kingdom import KINGDOM
from amc.synth.menagerie import MENAGERIE, STAGES, scenes
from amc.synth.scripts import truth
from amc.synth.world import FPS, Event, Script, Split

SHOWN = [(species, name) for species in MENAGERIE.species for name in scenes(species)]


@pytest.fixture(scope="module")
def plans() -> list[tuple]:
    return [generate.plan_clip("train", index, world=MENAGERIE) for index in range(2000)]


def perform(name: str, length: float = 40, seconds: float = 3.0) -> motion.Motion:
    """One animal, facing right, that shows one behaviour of the Menagerie; with "" it rests."""
    course = {"length": length, "pace": 1.1, "facing": 1.0, "ground": 20.0, "phase": 0.5}
    return motion.perform([(name, 0.0, seconds)], round(seconds * FPS), moves=MENAGERIE.moves, **course)


def least_movement(species: str, name: str) -> float:
    """How far the part that moves furthest goes in the quietest half second, pixels."""
    animal = rig.individual(MENAGERIE.species[species], np.random.default_rng(0))
    parts = bodies.PLANS[animal.species.plan](animal, perform(name, animal.length))
    places = np.stack([np.broadcast_to(part.matrices, (72, 3, 3)) for part in parts])[..., :2, 2]
    return min(np.ptp(places[:, start : start + 12], axis=1).max() for start in range(0, 72, 12))


def test_no_species_and_no_behaviour_is_the_kingdoms():
    assert len(MENAGERIE.species) == 8 and len(MENAGERIE.names) == 14 and MENAGERIE.seed != KINGDOM.seed
    assert not set(MENAGERIE.species) & set(KINGDOM.species) and not set(MENAGERIE.names) & set(KINGDOM.names)
    looks = [(s.plan, s.base, s.legs, s.neck) for world in (KINGDOM, MENAGERIE) for s in world.species.values()]
    assert len(set(looks)) == len(looks)
    assert list(MENAGERIE.names) == sorted(MENAGERIE.names) and set(MENAGERIE.moves) == set(MENAGERIE.names)


def test_bodies_and_places_are_the_kingdoms():
    assert {species.plan for species in MENAGERIE.species.values()} == set(bodies.PLANS)
    assert {place for s in MENAGERIE.species.values() for place in s.habitats} == set(environments.ENVIRONMENTS)
    assert {name for _, name in SHOWN} == set(STAGES)


def test_each_behaviour_happens_about_as_often_as_another_and_mostly_alone(plans):
    counts = Counter(label for _, _, labels, _ in plans for label in labels)
    assert len(counts) == 14 and max(counts.values()) < 2.5 * min(counts.values())  # in the Kingdom it is 20 times
    assert 0.8 < np.mean([len(labels) == 1 for _, _, labels, _ in plans]) < 0.9
    assert all(2 <= script.seconds <= 5 for _, script, _, _ in plans)


def test_what_happens_is_what_is_written(plans):
    for _, script, labels, _ in plans[:300]:
        happens = truth(script, names=MENAGERIE.names)
        assert happens.any(axis=1).all() and tuple(np.flatnonzero(happens.any(axis=0))) == labels
        assert all(script.environment in scenes(script.species)[event.behaviour] for event in script.events)


@pytest.mark.parametrize(("species", "name"), SHOWN)
def test_every_body_moves_in_every_half_second_of_what_it_shows(species, name):
    assert least_movement(species, name) > max(2, 3 * least_movement(species, ""))  # one that rests still breathes


@pytest.mark.parametrize(("species", "name"), SHOWN)
def test_every_body_is_in_the_picture_of_what_it_shows(species, name):
    script = Script(species, scenes(species)[name][0], 2.0, 1, (Event(0, name, 0.0, 2.0),))
    stage = scene.compose(script, 5, world=MENAGERIE)
    assert np.median([(scene.owner(stage, index) >= 0).mean() for index in (6, 24, 42)]) > 0.01


@pytest.mark.parametrize("name", ["Bowing", "Nodding", "Rearing", "Spinning", "Stamping", "Stretching"])
def test_what_is_done_in_one_place_does_not_travel(name):
    assert np.ptp(perform(name).x) == 0


def test_rolling_makes_whole_turns_and_ends_upright():
    turned = np.exp(1j * perform("Rolling").pitch)
    steps = np.angle(turned[1:] / turned[:-1])
    assert np.abs(turned[[0, -1]] - 1).max() < 0.2 and np.abs(steps).max() < 0.4  # no frame unwinds what is turned
    assert round(-steps.sum() / (2 * np.pi)) == 2  # nose first


def test_spinning_shows_both_sides_and_ends_as_it_began():
    facing = perform("Spinning").facing
    assert facing.min() < -0.99 and facing[0] > 0.99 and facing[-1] > 0.95


def test_zigzagging_goes_both_ways_and_creeping_one_slow_way():
    zigzag, creep = (np.diff(perform(name).x) for name in ("Zigzagging", "Creeping"))
    assert zigzag.min() < -1 and zigzag.max() > 1
    assert creep.min() > 0 and creep.max() < 1  # pixels per frame


def test_a_diving_animal_points_where_it_goes():
    dive = perform("Diving")
    rises, noses_up = -np.diff(dive.y[8:-8]), dive.pitch[8:-9]
    assert np.corrcoef(rises, noses_up)[0, 1] > 0.95


SMALL = {"train": Split(7), "val": Split(1), "test": Split(2)}


def test_the_catalogue_draws_it_and_reads_it_as_animal_kingdom(tmp_path, monkeypatch):
    monkeypatch.setattr(drawn_world, "MENAGERIE", small := replace(MENAGERIE, sizes={"smoke": SMALL}))
    table = catalogue.load("synth-menagerie", tmp_path, size="smoke", validation=0.2)
    assert table.counts() == {"train": 7, "val": 1, "test": 2} and table.name == "synth-menagerie-smoke"
    assert table.names == MENAGERIE.names and {clip.species for clip in table.clips} <= set(MENAGERIE.species)
    assert table.drawn.world is MENAGERIE
    clip = table.split("test").clips[1]
    name, script, labels, seed = generate.plan_clip("test", 1, world=small)
    assert (clip.id, clip.labels, clip.species) == (name, labels, script.species)
    expected = scene.flow(scene.compose(script, seed, world=small), 3, 4)
    assert np.array_equal(table.drawn.true_flow(clip.id, [(3, 4)])[0], expected)


def test_a_folder_of_no_world_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(AmcError, match="Synth Kingdom, Synth Menagerie"):
        _ = Drawn(tmp_path).world


@pytest.mark.parametrize(
    ("module", "text", "redrawn"),
    [
        ("menagerie_moves", "SPEED = 2", ["Synth Menagerie"]),
        ("scripts", "SPEED = 2", ["Synth Kingdom"]),
        ("scene", "SPEED = 2", ["Synth Kingdom", "Synth Menagerie"]),
        ("a_new_module", "SPEED = 2", ["Synth Kingdom", "Synth Menagerie"]),
        ("scene", "# a comment", []),
        ("scene", "import math as maths", []),
        ("pretrain", "SPEED = 2", []),
    ],
)
def test_a_change_redraws_the_worlds_that_it_draws(tmp_path, monkeypatch, module, text, redrawn):
    shutil.copytree(Path(generate.__file__).parent, tmp_path / "synth", ignore=shutil.ignore_patterns("__pycache__"))
    before = {name: generate.digest(world) for name, world in generate.WORLDS.items()}
    monkeypatch.setattr(generate, "__file__", str(tmp_path / "synth" / "generate.py"))
    assert before == {name: generate.digest(world) for name, world in generate.WORLDS.items()}
    with (tmp_path / "synth" / f"{module}.py").open("a") as file:
        file.write(f"\n{text}\n")
    assert [name for name, world in generate.WORLDS.items() if generate.digest(world) != before[name]] == redrawn


def test_another_name_draws_nothing_anew_and_another_constant_does(tmp_path, monkeypatch):
    shutil.copytree(Path(generate.__file__).parent, tmp_path / "synth", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(generate, "__file__", str(tmp_path / "synth" / "generate.py"))
    (file := tmp_path / "synth" / "a_new_module.py").write_text(
        'def walk(x: int) -> int:\n    """Words."""\n    return 2 * x\n'
    )
    before = generate.digest()
    file.write_text("def stride(y):  # other words\n    return 2 * y\n")
    assert generate.digest() == before
    file.write_text("def stride(y):\n    return 3 * y\n")
    assert generate.digest() != before


def test_every_module_of_a_world_is_there():
    modules = [module for world in generate.WORLDS.values() for module in world.modules]
    assert len(set(modules)) == len(modules)
    assert all((Path(generate.__file__).parent / f"{module}.py").exists() for module in modules)
