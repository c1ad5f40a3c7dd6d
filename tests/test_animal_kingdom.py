"""Animal Kingdom's published annotation and its lookalike folder are read as their authors meant them."""

import shutil

import openpyxl
import pytest

from amc.base import paths
from amc.base.errors import AmcError, AnnotationError
from amc.datasets import animal_kingdom
from amc.synth import generate


@pytest.fixture
def folder(tmp_path):
    """The smallest folder that looks like Animal Kingdom, as Synth Kingdom writes it."""
    generate.write_frames(
        tmp_path / "annotation" / "train.csv", [("AAACXZTV", 0, 3, (2, 0)), ("BBBBXZTV", 1, 2, (1,))], "train"
    )
    generate.write_frames(tmp_path / "annotation" / "val.csv", [("CCCCDDDD", 2, 4, (0,))], "test")
    (tmp_path / "annotation" / "actions.csv").write_text(
        "Label,Category,Action,Description\n2,General,Keeping still,\n0,Movement,Jumping,up\n1,Movement,Moving,\n"
    )
    (tmp_path / "annotation" / "metadata.csv").write_text(
        'video_id,type,labels,list_animal,num_frames\nAAACXZTV,train,"2,0",Fox;Hare,3\nBBBBXZTV,train,1,Fox,2\n'
        "CCCCDDDD,test,0,Frog,4\n"
    )
    (tmp_path / "video").mkdir()
    for name in ("AAACXZTV", "BBBBXZTV", "CCCCDDDD"):
        (tmp_path / "video" / f"{name}.mp4").touch()
    return tmp_path


def test_wrong_rows_of_both_splits_are_listed_with_clips_that_stand_in_both(folder):
    for name, label in (("train", 140), ("val", 141)):
        with (folder / "annotation" / f"{name}.csv").open("a") as file:
            file.write(f"X{name} 9 1 p {label} {name}\n")
    with pytest.raises(AnnotationError) as caught:
        animal_kingdom.index(folder)
    assert [line.split("/")[-1].split(":")[0] for line in caught.value.lines] == ["train.csv", "val.csv"]


def test_a_folder_is_read_with_val_as_the_test_split(folder):
    table = animal_kingdom.index(folder, name="synth")
    assert (table.name, table.names, table.counts()) == (
        "synth",
        ("Jumping", "Moving", "Keeping still"),
        {"train": 2, "test": 1},
    )
    first, second, third = table.clips
    assert (first.labels, first.num_frames, first.species) == ((2, 0), 3, "Fox;Hare")
    assert first.path == folder / "video" / "AAACXZTV.mp4"
    assert first.group == second.group == "XZTV" != third.group
    assert table.notes == ()


def test_folders_of_frames_stand_in_for_videos(folder):
    shutil.rmtree(folder / "video")
    for name in ("AAACXZTV", "BBBBXZTV", "CCCCDDDD"):
        (folder / "image" / name).mkdir(parents=True)
    assert animal_kingdom.index(folder).clips[0].path == folder / "image" / "AAACXZTV"


def test_the_broken_clip_is_left_out_and_reported(folder):
    with (folder / "annotation" / "train.csv").open("a") as file:
        file.write("ZAKHHVKA 3 1 ZAKHHVKA/ZAKHHVKA_t000001.jpg 1 train\n")
    table = animal_kingdom.index(folder)
    assert len(table) == 3
    assert "ZAKHHVKA (train) is left out" in table.notes[0]


@pytest.mark.parametrize(
    "missing", ["annotation/train.csv", "annotation/actions.csv", "annotation/metadata.csv", "video/BBBBXZTV.mp4"]
)
def test_a_missing_file_is_named_with_its_place_and_the_way_to_get_it(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(AmcError, match="data/README.md") as caught:
        animal_kingdom.index(folder)
    assert str(folder / missing) in str(caught.value)


def test_every_missing_video_is_counted_and_listed(folder):
    for name in ("BBBBXZTV", "CCCCDDDD"):
        (folder / "video" / f"{name}.mp4").unlink()
    with pytest.raises(AnnotationError, match="BBBBXZTV.mp4 is missing but annotated .*2 such mistakes") as caught:
        animal_kingdom.index(folder)
    assert [line.split(" is ")[0] for line in caught.value.lines] == [
        str(folder / "video" / f"{name}.mp4") for name in ("BBBBXZTV", "CCCCDDDD")
    ]


def test_a_clip_in_both_splits_is_refused_with_both_places(folder):
    generate.write_frames(
        folder / "annotation" / "val.csv", [("CCCCDDDD", 2, 4, (0,)), ("BBBBXZTV", 3, 1, (0,))], "test"
    )
    with pytest.raises(AnnotationError, match="BBBBXZTV is in both splits, train.csv:5 and val.csv:6"):
        animal_kingdom.index(folder)


def test_a_table_is_parsed_once_and_again_when_a_source_changes(folder, monkeypatch):
    first = animal_kingdom.index(folder)
    with monkeypatch.context() as blind:
        blind.setattr(animal_kingdom, "_read", None)  # would fail if it were called
        assert animal_kingdom.index(folder) == first
    generate.write_frames(folder / "annotation" / "val.csv", [("CCCCDDDD", 2, 4, (0, 1))], "test")
    assert animal_kingdom.index(folder).clips[2].labels == (0, 1)


def test_a_damaged_remembered_table_is_parsed_again(folder):
    first = animal_kingdom.index(folder)
    (file,) = (paths.cache() / "tables").iterdir()
    file.write_text(file.read_text()[:200])
    assert animal_kingdom.index(folder) == first


def test_labels_outside_the_list_of_names_are_refused(folder):
    generate.write_frames(folder / "annotation" / "val.csv", [("CCCCDDDD", 2, 4, (3,))], "test")
    with pytest.raises(AmcError, match="val.csv:2: clip 'CCCCDDDD' has the unknown label 3"):
        animal_kingdom.index(folder)


def test_a_foreign_or_damaged_workbook_is_refused(tmp_path):
    path = tmp_path / "AR_metadata.xlsx"
    path.write_bytes(b"PK\x03\x04 not a workbook")
    with pytest.raises(AmcError, match="not Animal Kingdom's"):
        animal_kingdom.index_metadata(path)
    workbook = openpyxl.Workbook()
    workbook.active.title = "Action"
    workbook.save(path)
    with pytest.raises(AmcError, match="lacks the columns"):
        animal_kingdom.index_metadata(path)
    with pytest.raises(AmcError, match="No such file"):
        animal_kingdom.index_metadata(tmp_path / "absent.xlsx")


def test_the_real_workbook_gives_every_clip_and_name(published):
    assert published.counts() == {"train": 24004, "test": 6096}
    assert len(published.names) == 140
    assert published.labels().sum() == pytest.approx(2.16 * 30100, rel=0.003)  # 2.16 labels per clip, as published
    assert published.clips[0].labels == (2, 40)
    assert published.clips[0].species == "Common Crane"


def test_names_follow_the_action_sheet_where_df_action_is_wrong(published):
    assert published.names[139] == "Yawning"
    assert published.names[49:51] == ("Flapping tail", "Flapping its ears")
    assert published.names[81] == "Performing sexual display"
    assert published.names[82:84] == ("Performing allo-grooming", "Performing allo-preening")
    assert published.names[84] == "Performing copulatory mounting"


def test_species_quoted_twice_are_read_too(published):
    species = {clip.id: clip.species for clip in published.clips}
    assert species["AERSVHAQ"] == "Montagu'S Harrier;Montagu'S Harrier Young"
    assert [name for name, joined in species.items() if not joined] == ["KDIANBXG"]  # its list is empty
    assert published.notes[0] == "clips without a species: 1, first KDIANBXG"
    assert len({name for joined in species.values() for name in joined.split(";")}) > 850


def test_1866_likely_source_videos_lie_on_both_sides_of_the_published_split(published):
    train, test = ({clip.group for clip in published.split(name).clips} for name in ("train", "test"))
    assert len(train & test) == 1866


def test_animals_have_their_groups_near_to_far_whatever_their_case(published):
    viper = ("Snake / Cobra / Viper / Python", "Reptile / Snake", "Reptile")
    assert published.taxonomy["Russell'S Viper"] == published.taxonomy["Aesculapian Snake"] == viper
    assert {levels[-1] for levels in published.taxonomy.values()} == {
        *("Bird", "Mammal", "Insect", "Reptile", "Fish", "Sea animal", "Amphibian"),
    }


def test_animals_that_the_workbook_places_nowhere_are_counted(published):
    animals = {animal for clip in published.clips for animal in clip.species.split(";")} - {""}
    assert animals - set(published.taxonomy) == {"Common Quail", "Cuckoo Bird"}
    assert published.notes[1] == "species without a taxonomy: 2, first Common Quail"


def test_a_folder_with_the_workbook_has_its_taxonomy_and_one_without_has_none(folder):
    assert animal_kingdom.index(folder).taxonomy == {}
    workbook = openpyxl.Workbook()
    pages = {
        "Action": [("Label", "Action"), (0, "Jumping"), (1, "Moving"), (2, "Keeping still")],
        "AR": [("video_id", "type", "labels", "list_animal_action")],
        "CARe": [("train_test", "animal"), ("train_bird", "Robin"), ("test", "HARE ")],
        "Animal": [("Animal", "Parent Class", "Class", "Sub-Class"), (" fox ", "Mammal", "Mammal", "Dog / Fox ")],
    }
    pages["AR"] += [
        (name, "train", "0", "[('Fox', 'Jumping'), ('Hare', 'Moving')]")
        for name in ("AAACXZTV", "BBBBXZTV", "CCCCDDDD")
    ]
    pages["Animal"] += [(None,) * 4]
    for title, rows in pages.items():
        sheet = workbook.create_sheet(title)
        for row in rows:
            sheet.append(row)
    workbook.save(folder / "AR_metadata.xlsx")
    table = animal_kingdom.index(folder)
    assert table.taxonomy == {"Fox": ("Dog / Fox", "Mammal", "Mammal")}
    assert table.held_out == ("Hare",)
