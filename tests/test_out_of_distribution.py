"""What lies outside the cloud of training embeddings is unlike training; validation sets the limit."""

import numpy as np
import pytest

from amc.base.errors import AmcError
from amc.ethogram import out_of_distribution

RNG = np.random.default_rng(0)
SCALE = np.array([3.0, 1.0, 0.4])  # a cloud that is long in one direction and thin in another


def cloud(count: int) -> np.ndarray:
    return RNG.normal(size=(count, 3)) * SCALE + 5


def test_one_in_twenty_of_the_validation_clips_lies_beyond_the_limit():
    detector = out_of_distribution.fit(cloud(500), validation := cloud(400))
    assert (detector.distance(validation) > 1).mean() == pytest.approx(0.05, abs=0.003)


def test_the_same_step_is_far_where_the_cloud_is_thin_and_near_where_it_is_long():
    detector = out_of_distribution.fit(cloud(500), cloud(400))
    along, across = detector.distance(np.array([[7.0, 5, 5], [5, 5, 7]]))
    assert along < 0.5 < 1 < across


def test_it_is_the_mahalanobis_distance():
    detector = out_of_distribution.fit(training := cloud(5000), cloud(400))  # so many that shrinkage changes little
    point = np.array([[8.0, 6, 5.2]])
    away = point - training.mean(axis=0)
    expected = np.sqrt(away @ np.linalg.inv(np.cov(training.T)) @ away.T)[0, 0]
    assert detector.distance(point)[0] * detector.limit == pytest.approx(expected, rel=0.05)


def test_fewer_clips_than_dimensions_are_enough_to_be_finite():
    rng = np.random.default_rng(1)
    detector = out_of_distribution.fit(rng.normal(size=(5, 64)), rng.normal(size=(3, 64)))
    assert np.isfinite(detector.distance(rng.normal(size=(4, 64)))).all()


def test_it_is_kept_and_read_again_and_damage_is_told(tmp_path):
    detector = out_of_distribution.fit(cloud(50), cloud(20), model="of a model")
    detector.save(tmp_path / "f.npz")
    again = out_of_distribution.OutOfDistribution.load(tmp_path / "f.npz")
    assert again.model == "of a model"
    assert np.array_equal(again.distance(cloud(3) * 0 + 4), detector.distance(cloud(3) * 0 + 4))
    (tmp_path / "f.npz").write_bytes(b"PK nothing")
    with pytest.raises(AmcError, match="delete it"):
        out_of_distribution.OutOfDistribution.load(tmp_path / "f.npz")
    with pytest.raises(AmcError, match=r"expected \(W, 3\)"):
        detector.distance(np.zeros((2, 4)))
