"""The animals of Synth Kingdom: thirteen species with six body plans; three species occur only in the test split.

A species is data: body plan, size and colours of its individuals, and habitats.
"""

from amc.synth.world import Species

SPECIES = {
    "zebra": Species("quadruped", (38, 56), (226, 222, 212), (46, 42, 44), "stripes", ("grass", "pond", "night")),
    "deer": Species(
        "quadruped", (36, 52), (168, 112, 66), (236, 220, 190), "spots", ("forest", "grass", "snow"), 1.15, 1.2
    ),
    "fox": Species(
        "quadruped", (30, 42), (206, 104, 44), (246, 236, 220), "belly", ("snow", "forest", "night"), 0.8, 0.8
    ),
    "lion": Species(
        "quadruped", (42, 58), (202, 160, 96), (120, 78, 40), "plain", ("grass", "desert", "night"), 0.9, 0.8, True
    ),
    "duck": Species("bird", (32, 46), (122, 96, 70), (40, 110, 70), "bands", ("pond", "sky", "grass"), 0.7, 1.1),
    "eagle": Species("bird", (34, 50), (84, 62, 46), (240, 232, 214), "belly", ("sky", "snow", "desert"), 0.9, 0.8),
    "magpie": Species(
        "bird", (32, 44), (30, 32, 42), (238, 238, 240), "belly", ("sky", "grass", "forest"), 1.0, 0.9, True
    ),
    "clownfish": Species("fish", (34, 52), (240, 126, 36), (250, 246, 238), "bands", ("underwater",)),
    "trout": Species("fish", (40, 60), (128, 138, 110), (196, 88, 92), "spots", ("underwater",), unseen=True),
    "tree frog": Species("frog", (32, 48), (92, 168, 62), (206, 222, 120), "spots", ("forest", "pond", "night")),
    "sand viper": Species("snake", (56, 80), (190, 152, 100), (112, 78, 48), "bands", ("desert", "grass")),
    "dragonfly": Species("insect", (36, 52), (46, 128, 160), (196, 226, 236), "bands", ("pond", "grass", "sky")),
    "beetle": Species("insect", (34, 48), (98, 34, 40), (226, 150, 60), "spots", ("desert", "forest", "grass")),
}
