"""What stays the same when something else changes, how far, and the test that holds it: `reports/reliability.md`."""

SAME = (
    (
        "A stop by Ctrl-C, a kill or a power cut, then the same command; on one CPU",
        "the same bits",
        "test_experiment.py::test_a_cell_that_was_interrupted_goes_on_and_ends_with_the_same_scores",
    ),
    (
        "`train --workers`: how many runs are computed at once",
        "the same bits",
        "test_experiment.py::test_cells_side_by_side_give_the_same_scores_and_survive_the_failure_of_another",
    ),
    (
        "The threads that torch is given: a run computes with one",
        "the same bits",
        "test_promises.py::test_a_run_computes_with_one_thread_however_many_there_are",
    ),
    (
        "Processes that read clips, and how they are started",
        "the same bits",
        "test_clips.py::test_a_worker_of_any_start_method_reads_a_clip_as_this_process_does",
    ),
    (
        "Flow from the cache, or just computed, in the same storage format",
        "the same bits",
        "test_codecs.py::test_the_cache_gives_the_same_bits_whether_packed_now_or_read_again",
    ),
    (
        "The storage format `float16` against float32, motion of up to 20 px",
        "0.008 px",
        "test_promises.py::test_float16_rounds_a_motion_of_20_px_by_at_most_8_thousandths",
    ),
    (
        "The storage format `jpeg` against float32, motion of up to 20 px",
        "0.16 px on average, 1 px at most",
        "test_codecs.py::test_a_field_survives_as_a_picture_within_a_fraction_of_a_pixel",
    ),
    (
        "The batch size of scoring",
        "1e-3 of a logit",
        "test_experiment.py::test_the_batch_size_changes_no_score",
    ),
    (
        "Processes under torchrun, each of which adds up a part of a step",
        "1e-3 of a logit",
        "test_distributed.py::test_two_processes_train_and_score_as_one_does",
    ),
    ("Another device, processor or version of a library", "nothing; every record names them", ""),
)
