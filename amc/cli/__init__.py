"""The commands of `python -m amc`: `parser` turns arguments into options, `commands` runs them."""
