"""The strips of a clip are its frames and their flow at the same moments, with the key to the colours of flow."""

from amc import video
from amc.companion import film


def test_strips_hold_the_middles_of_equal_parts_and_the_scale_of_their_flow(smoke_world):
    path = sorted((smoke_world / "smoke" / "video").glob("*.mp4"))[0]
    info = video.probe(path)
    found = film.strips(path, count=3)
    middles = [int((k + 0.5) * info.num_frames / 3) for k in range(3)]
    assert (found["film"] == video.read_frames(path, middles)).all()
    assert found["motion"].shape == found["film"].shape and found["fps"] == info.fps
    assert film.FASTEST == 1 / 40  # more leaves slow animals white
    assert found["key"].max_px == info.height * film.FASTEST and str(info.height) in found["key"].at
