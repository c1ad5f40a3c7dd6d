import video_fuzz
from films import N

from amc import video


def test_damaged_films_are_read_right_or_refused_in_one_line(tmp_path):
    rows = video_fuzz.run(range(27), seed=1, clips=None, folder=tmp_path)  # three of each kind of damage
    assert [row for row in rows if row["how"] == "wrong"] == []
    assert {row["how"] for row in rows} == {"whole", "in part", "refused"}


def test_a_reader_that_gives_a_wrong_frame_is_found_out(tmp_path, monkeypatch):
    [film] = [film for film in video_fuzz.FILMS if str(film) == "libx264_closed.mp4"]
    path, right = film.make(tmp_path), video.read_frames
    assert video_fuzz.judge(path, seed=0)[0] == "whole"
    monkeypatch.setattr(video, "read_frames", lambda path, asked: right(path, [max(0, n - 1) for n in asked]))
    assert video_fuzz.judge(path, seed=0)[0] == "wrong"


def test_a_reader_that_dies_or_breaks_is_found_out(tmp_path, monkeypatch):
    path = video_fuzz.FILMS[0].make(tmp_path)
    for broken in (lambda path: 1 / 0, lambda path: video_fuzz.os.abort()):
        monkeypatch.setattr(video, "probe", broken)
        assert video_fuzz.judge(path, seed=0)[0] == "wrong"
    assert video_fuzz.apart(video_fuzz.reference, path, 0)["sound"] is None
    assert len(video_fuzz.apart(video_fuzz.reference, path, 0)["frames"]) == N
