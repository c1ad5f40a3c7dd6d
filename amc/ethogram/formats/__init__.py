"""Files of human annotation, one module for each kind: a file in, an `Annotation` out.

    boris_project   .boris, .boris.gz                    observations with their subjects, durations and offsets
    event_table     BORIS's tables, bouts of SimBA       a row per event, or per START and STOP
                    and V-TRACE
    frame_table     DeepEthogram, SimBA                  a row per frame, a 0/1 column per behaviour
    feral           FERAL's JSON, which BORIS exports     a class per frame; written too
    nwb             NWB with ndx-ethogram                bouts in seconds; written too
    sheets          opens both kinds of table, whatever their separator, encoding or workbook

To add a format: write a module with a function `read(path, lengths)` that gives an `Annotation`, or raises `NoHeader`
for a file of another kind, and a line in `annotations.FORMATS`. To add a name of a column: `event_table.SYNONYMS`.
"""
