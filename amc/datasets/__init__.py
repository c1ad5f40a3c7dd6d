"""Data sets: `catalogue.load` gives one table of clips by name, `clips` turns a clip into what the model sees."""
