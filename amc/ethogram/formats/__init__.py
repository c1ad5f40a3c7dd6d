"""Files of human annotation, one module for each kind: a file in, an `Annotation` out.

    boris_project   .boris, .boris.gz                    observations with their subjects, durations and offsets
    event_table     BORIS's tables, SimBA's bouts        a row per event, or per START and STOP
    frame_table     DeepEthogram, SimBA                  a row per frame, a 0/1 column per behaviour
    sheets          opens both kinds of table, whatever their separator, encoding or workbook

To add a format: write a module with a function `read(path, lengths)` that gives an `Annotation`, or raises `NoHeader`
for a file of another kind, and a line in `annotations.FORMATS`. To add a name of a column: `event_table.SYNONYMS`.
"""
