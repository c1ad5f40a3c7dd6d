"""Body plans: channels of movement in, moving parts out.

Every plan reads the same channels (`motion.Motion`), so each behaviour is written once, for all bodies.
"""

from collections.abc import Callable

import numpy as np

from amc.synth.motion import Motion
from amc.synth.rig import Individual, Part, affine, grow_leg, set_head, set_part, stand
from amc.synth.sprites import ellipse, limb, polygon


def quadruped(animal: Individual, motion: Motion) -> list[Part]:
    """Deer, zebra, fox, lion: trunk, neck, head, tail, four legs."""
    L, coat, plain = animal.length, animal.coat, animal.plain
    leg = 0.55 * L * animal.species.legs
    root = stand(
        motion, (leg + 0.06 * L) * (1 - 0.72 * motion.crouch) + 0.01 * L * np.sin(2 * motion.phase) * motion.stride
    )
    far = {"coat": plain, "width": 0.055 * L, "motion": motion, "length": leg}
    parts = grow_leg(root, (0.34 * L, 0.08 * L), offset=np.pi, **far) + grow_leg(
        root, (-0.36 * L, 0.06 * L), offset=1.5 * np.pi, **far
    )
    tail = root @ affine(angle=np.pi * 0.72 - motion.tail, x=-0.47 * L, y=-0.08 * L)
    parts.append(set_part(tail, limb(0.36 * L, 0.035 * L, 0.06 * L, plain)))
    parts.append(set_part(root, ellipse(0.52 * L, 0.19 * L, coat)))
    parts += grow_leg(root, (0.36 * L, 0.08 * L), offset=0.0, lift=motion.lift, **far)
    parts += grow_leg(root, (-0.34 * L, 0.06 * L), offset=0.5 * np.pi, **far)
    reach = 0.34 * L * animal.species.neck
    neck = root @ affine(angle=-0.85 + motion.neck, x=0.42 * L, y=-0.06 * L)
    parts.append(set_part(neck, limb(reach, 0.12 * L, 0.085 * L, coat)))
    skull = neck @ affine(angle=0.85 - 0.45 * motion.neck + motion.head, x=reach)
    ear = polygon([(-0.06 * L, -0.05 * L), (-0.1 * L, -0.22 * L), (0.02 * L, -0.08 * L)], plain, (0, 0))
    snout = polygon(
        [(-0.1 * L, -0.1 * L), (0.06 * L, -0.1 * L), (0.24 * L, 0.02 * L), (0.22 * L, 0.08 * L), (-0.06 * L, 0.1 * L)],
        coat,
        (0, 0),
    )
    return [*parts, set_part(skull, ear), *set_head(skull, snout, (0.04 * L, -0.03 * L), max(1.0, 0.026 * L), motion)]


def bird(animal: Individual, motion: Motion) -> list[Part]:
    """Duck, eagle, magpie: trunk, fan tail, neck, head with a beak, two legs, two wings."""
    L, coat, plain = animal.length, animal.coat, animal.plain
    leg = 0.42 * L * animal.species.legs
    second = plain._replace(base=animal.coat.second)
    root = stand(motion, 0.2 * L + leg * (1 - 0.9 * motion.crouch))
    wing = polygon([(0.16 * L, 0), (0.02 * L, -0.62 * L), (-0.18 * L, -0.72 * L), (-0.3 * L, 0.02 * L)], coat, (0, 0))
    opening = 0.12 + 0.88 * motion.spread
    far = root @ affine(
        angle=-0.25 - 1.3 * (1 - motion.spread), x=0.06 * L, y=-0.08 * L, sy=opening * np.cos(motion.wing + 0.25)
    )
    near = root @ affine(
        angle=-0.1 - 1.45 * (1 - motion.spread), x=0.02 * L, y=-0.06 * L,
        sy=np.maximum(opening, 0.4) * np.cos(motion.wing),
    )  # fmt: skip
    legs = {"coat": second, "width": 0.03 * L, "motion": motion, "length": leg}
    folded = motion.spread > 0.5
    pins = [
        part._replace(shown=~folded)
        for k, x in enumerate((0.05, -0.04))
        for part in grow_leg(root, (x * L, 0.14 * L), offset=k * np.pi, **legs)
    ]
    tail = root @ affine(angle=np.pi - 0.1 - motion.tail, x=-0.3 * L)
    fan = polygon([(0, -0.06 * L), (0.36 * L, -0.12 * L), (0.38 * L, 0.08 * L), (0, 0.06 * L)], plain, (0, 0))
    reach = 0.24 * L * animal.species.neck
    neck = root @ affine(angle=-0.9 + motion.neck, x=0.26 * L, y=-0.06 * L)
    skull = neck @ affine(angle=0.9 - 0.5 * motion.neck + motion.head, x=reach)
    beak = polygon(
        [(0.08 * L, -0.05 * L), (0.28 * L, 0.02 * L), (0.08 * L, 0.05 * L)], plain._replace(base=(226, 158, 48)), (0, 0)
    )
    face = ellipse(0.13 * L, 0.115 * L, second)
    return [
        set_part(far, wing),
        *pins,
        set_part(tail, fan),
        set_part(neck, limb(reach, 0.1 * L, 0.08 * L, coat)),
        set_part(root, ellipse(0.36 * L, 0.2 * L, coat)),
        set_part(skull, beak),
        *set_head(skull, face, (0.04 * L, -0.03 * L), max(1.0, 0.03 * L), motion),
        set_part(near, wing),
    ]


def fish(animal: Individual, motion: Motion) -> list[Part]:
    """Clownfish, trout: head, trunk, tail stalk and fin, bending as a wave; a fin above and one at the side."""
    L, coat = animal.length, animal.coat
    fin = animal.plain._replace(base=tuple(0.75 * c + 30 for c in animal.coat.base))
    root = stand(motion, 0.2 * L) @ affine(sy=1 - 0.25 * motion.crouch)
    bend = [motion.wave * np.sin(motion.phase - 1.1 * k) * (0.35 + 0.3 * k) for k in range(3)]
    front = root @ affine(angle=0.35 * bend[0] + motion.head * 0.5, x=0.02 * L)
    stalk = root @ affine(angle=np.pi - bend[1], x=-0.16 * L)
    blade = stalk @ affine(angle=-bend[2] - 0.5 * motion.tail, x=0.26 * L)
    crest = polygon([(0.12 * L, 0), (-0.08 * L, -0.15 * L), (-0.18 * L, 0)], fin, (0, 0))
    caudal = polygon(
        [(0, -0.03 * L), (0.2 * L, -0.17 * L), (0.15 * L, 0), (0.2 * L, 0.17 * L), (0, 0.03 * L)], fin, (0, 0)
    )
    flank = root @ affine(angle=2.2 + 0.6 * motion.wing + 0.3 * np.sin(0.7 * motion.phase), x=0.1 * L, y=0.05 * L)
    body = polygon(
        [
            (0.42 * L, 0.01 * L),
            (0.28 * L, -0.12 * L),
            (0, -0.18 * L),
            (-0.24 * L, -0.09 * L),
            (-0.24 * L, 0.09 * L),
            (0, 0.18 * L),
            (0.28 * L, 0.12 * L),
        ],
        coat,
        (0, 0),
    )
    return [
        set_part(blade, caudal),
        set_part(stalk, limb(0.28 * L, 0.1 * L, 0.05 * L, coat)),
        set_part(root @ affine(y=-0.13 * L), crest),
        *set_head(front, body, (0.28 * L, -0.03 * L), max(1.0, 0.03 * L), motion),
        set_part(flank, limb(0.17 * L, 0.03 * L, 0.06 * L, fin)),
    ]


def frog(animal: Individual, motion: Motion) -> list[Part]:
    """Tree frog: a crouching trunk, long folded hind legs, short forelegs, eyes on top."""
    L, coat, plain = animal.length, animal.coat, animal.plain
    stretch = np.clip(motion.stride * (0.6 + 0.5 * np.sin(motion.phase)), 0, 1.3)
    root = stand(motion, 0.24 * L * (1 - 0.4 * motion.crouch)) @ affine(angle=-0.3 + 0.3 * motion.crouch)
    hind = root @ affine(angle=0.3 + 2.0 * stretch, x=-0.28 * L, y=0.04 * L)
    shank = hind @ affine(angle=2.6 - 2.0 * stretch, x=0.34 * L)
    foot = shank @ affine(angle=-2.4 + 1.9 * stretch, x=0.36 * L)
    fore = root @ affine(angle=1.5 - 0.8 * stretch - 1.9 * motion.lift, x=0.22 * L, y=0.08 * L)
    trunk = polygon(
        [
            (0.34 * L, -0.03 * L),
            (0.16 * L, -0.17 * L),
            (-0.3 * L, -0.1 * L),
            (-0.4 * L, 0.08 * L),
            (0.1 * L, 0.17 * L),
            (0.3 * L, 0.08 * L),
        ],
        coat,
        (0, 0),
    )
    skull = root @ affine(angle=0.35 * motion.neck + motion.head, x=0.22 * L, y=-0.04 * L)
    face = polygon(
        [(-0.12 * L, -0.1 * L), (0.08 * L, -0.1 * L), (0.24 * L, 0.02 * L), (0.16 * L, 0.1 * L), (-0.12 * L, 0.1 * L)],
        coat,
        (0, 0),
    )
    return [
        set_part(foot, limb(0.26 * L, 0.03 * L, 0.045 * L, plain)),
        set_part(shank, limb(0.36 * L, 0.045 * L, 0.035 * L, plain)),
        set_part(root, trunk),
        set_part(hind, limb(0.34 * L, 0.085 * L, 0.05 * L, coat)),
        set_part(fore, limb(0.27 * L, 0.045 * L, 0.04 * L, plain)),
        *set_head(skull, face, (0.06 * L, -0.09 * L), max(1.2, 0.045 * L), motion),
    ]


def snake(animal: Individual, motion: Motion) -> list[Part]:
    """Sand viper: a chain of links that coils when lying and winds when moving; the front links rise with the neck."""
    L, coat = animal.length, animal.coat
    links, step = 10, 0.105 * L
    frame = stand(motion, 0.05 * L) @ affine(x=0.42 * L, angle=np.pi)  # built from the neck backwards
    chain, parts = frame, []
    for k in range(links):
        turn = (0.16 + motion.wave) * np.sin(motion.phase - 0.95 * k) * 0.8 + motion.crouch * 0.62 * (k > 1)
        chain = chain @ affine(angle=turn, x=step if k else 0.0)
        width = 0.052 * L * (1.0 - 0.6 * (k / links) ** 2)
        parts.append(
            set_part(
                chain,
                limb(step * 1.25, width, width * 0.94, coat._replace(phase=coat.phase - k * step * 2.2 / coat.period)),
            )
        )
    neck = frame @ affine(angle=np.pi + 0.5 * motion.neck + 0.4 * np.sin(motion.phase) * motion.wave)
    skull = neck @ affine(angle=motion.head, x=0.1 * L)
    face = polygon(
        [(-0.05 * L, -0.045 * L), (0.04 * L, -0.055 * L), (0.13 * L, 0), (0.04 * L, 0.055 * L), (-0.05 * L, 0.045 * L)],
        coat,
        (0, 0),
    )
    return [
        *parts[::-1],
        set_part(neck, limb(0.12 * L, 0.05 * L, 0.045 * L, coat)),
        *set_head(skull, face, (0.05 * L, -0.02 * L), max(1.0, 0.018 * L), motion),
    ]


def insect(animal: Individual, motion: Motion) -> list[Part]:
    """Dragonfly, beetle: abdomen, thorax, head with feelers, six thin legs, four wings as two pairs."""
    L, coat, plain = animal.length, animal.coat, animal.plain
    root = stand(motion, 0.26 * L * (1 - 0.5 * motion.crouch))
    dark = plain._replace(base=tuple(0.45 * c for c in plain.base))
    glass = plain._replace(base=animal.coat.second)
    legs = [
        part
        for k in range(3)
        for part in grow_leg(
            root,
            ((0.16 - 0.14 * k) * L, 0.05 * L),
            0.3 * L,
            0.022 * L,
            dark,
            motion,
            offset=k * 2.1,
            lift=motion.lift if k == 0 else 0.0,
        )
    ]
    blade = polygon([(0, -0.02 * L), (-0.1 * L, -0.5 * L), (0.08 * L, -0.56 * L), (0.12 * L, -0.02 * L)], glass, (0, 0))
    opening = (0.1 + 0.9 * motion.spread) * np.cos(motion.wing)
    wings = [
        root @ affine(angle=a - 1.4 * (1 - motion.spread), x=x * L, y=-0.06 * L, sy=opening)
        for a, x in ((-0.35, -0.06), (0.25, 0.06))
    ]
    rear = root @ affine(angle=np.pi - 0.1 - 0.4 * motion.tail + 0.2 * motion.wave * np.sin(motion.phase), x=-0.06 * L)
    skull = root @ affine(angle=0.4 * motion.neck + motion.head, x=0.26 * L)
    feeler = skull @ affine(angle=-0.7 + 0.5 * motion.head, x=0.06 * L, y=-0.05 * L)
    return [
        set_part(wings[0], blade),
        *legs,
        set_part(rear, limb(0.44 * L, 0.1 * L, 0.07 * L, coat)),
        set_part(root, ellipse(0.2 * L, 0.12 * L, coat)),
        set_part(feeler, limb(0.2 * L, 0.016 * L, 0.01 * L, dark)),
        *set_head(skull, ellipse(0.11 * L, 0.1 * L, plain), (0.03 * L, -0.02 * L), max(1.2, 0.045 * L), motion),
        set_part(wings[1], blade),
    ]


PLANS: dict[str, Callable[[Individual, Motion], list[Part]]] = {
    "quadruped": quadruped,
    "bird": bird,
    "fish": fish,
    "frog": frog,
    "snake": snake,
    "insect": insect,
}
