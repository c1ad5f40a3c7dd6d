"""RAFT (Teed and Deng, ECCV 2020): torchvision's architectures, run without needless work, with weights that others
published or with our own, which `train` makes from true flow."""
