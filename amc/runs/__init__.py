"""From configurations to numbers: one run or many, the recipes of Tables 1 to 3, their tables, costs and reports.

An `Experiment` comes in; its trained model and score files go out, under a key of what it computes; then tables."""
