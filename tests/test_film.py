"""The strips of a clip are its frames and their flow at the same moments, with the key to the colours of flow."""

from amc import video
from amc.companion import film


def test_strips_hold_the_middles_of_equal_parts_and_the_scale_of_their_flow(smoke_world):
    path = sorted((smoke_world / "smoke" / "video").glob("*.mp4"))[0]
    info = video.probe(path)
    found = film.strips(path, count=3)
    assert film.middles(path, count=3).keys() == {"film", "fps"}  # no flow is computed for it
    middles = [int((k + 0.5) * info.num_frames / 3) for k in range(3)]
    assert (found["film"] == video.read_frames(path, middles)).all()
    assert found["motion"].shape == found["film"].shape and found["fps"] == info.fps
    assert film.FASTEST == 1 / 40  # more leaves slow animals white
    assert found["key"].max_px == info.height * film.FASTEST


def test_a_video_moves_beside_its_flow_and_the_slots_that_are_taken_of_it(smoke_world):
    path = sorted((smoke_world / "smoke" / "video").glob("*.mp4"))[0]
    read, num_frames, fps = film.of(path)
    slots = video.read_frames(path, [0, 0, 9, 9])
    shown = film.played(read, num_frames, fps, alt="an animal", slots=slots, chosen=[0, 9], every=range(8, 12)).data
    assert 'alt="an animal"' in shown and shown.count("data:image/webp;base64,") == 2


def test_frames_of_a_large_video_are_made_smaller(one_frame, monkeypatch):
    monkeypatch.setattr(film, "SIDE", 32)
    read, num_frames, _ = film.of(one_frame)
    assert num_frames == 1 and read([0, 0]).shape == (2, 3, 32, 32)
    assert "webp" in film.played(*film.of(one_frame), alt="noise").data
