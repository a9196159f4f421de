# SPDX-License-Identifier: MIT
"""pxr's Gf, as far as a camera is placed with it: vectors, and matrices for row vectors. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator

_RANK = 4


class Vec3d:
    """Gf.Vec3d."""

    def __init__(self, x: float, y: float, z: float) -> None:
        self._values = (float(x), float(y), float(z))

    def __iter__(self) -> Iterator[float]:
        return iter(self._values)

    def __getitem__(self, index: int) -> float:
        return self._values[index]

    def __sub__(self, other: Vec3d) -> Vec3d:
        return Vec3d(*(a - b for a, b in zip(self, other)))

    def __mul__(self, other: Vec3d) -> float:
        return math.fsum(a * b for a, b in zip(self, other))

    def __xor__(self, other: Vec3d) -> Vec3d:
        (a, b, c), (d, e, f) = self, other
        return Vec3d(b * f - c * e, c * d - a * f, a * e - b * d)

    def GetNormalized(self) -> Vec3d:
        length = math.hypot(*self)
        return Vec3d(*(value / length for value in self))


class Matrix4d:
    """Gf.Matrix4d: the identity at first; points are multiplied from the left."""

    def __init__(self) -> None:
        self._rows = [[float(i == j) for j in range(_RANK)] for i in range(_RANK)]

    def GetRow(self, index: int) -> tuple[float, ...]:
        return tuple(self._rows[index])

    def SetLookAt(self, eyePoint: Vec3d, centerPoint: Vec3d, upDirection: Vec3d) -> Matrix4d:
        """The view of an eye at `eyePoint`, which looks along its own -z."""
        back = (eyePoint - centerPoint).GetNormalized()
        right = (upDirection ^ back).GetNormalized()
        axes = (right, back ^ right, back)
        self._rows = [[axis[i] for axis in axes] + [0.0] for i in range(3)]
        self._rows.append([-(eyePoint * axis) for axis in axes] + [1.0])
        return self

    def GetInverse(self) -> Matrix4d:
        """By Gauss and Jordan."""
        work = [row + Matrix4d()._rows[i] for i, row in enumerate(self._rows)]
        for column in range(_RANK):
            pivot = max(range(column, _RANK), key=lambda row: abs(work[row][column]))
            work[column], work[pivot] = work[pivot], work[column]
            work[column] = [value / work[column][column] for value in work[column]]
            for row in set(range(_RANK)) - {column}:
                share = work[row][column]
                work[row] = [a - share * b for a, b in zip(work[row], work[column])]
        inverse = Matrix4d()
        inverse._rows = [row[_RANK:] for row in work]
        return inverse
