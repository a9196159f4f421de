# SPDX-License-Identifier: MIT
"""pxr's Sdf, Usd, UsdGeom and UsdLux, as far as a camera is made and found. Main thread.

A prim that is removed, or whose stage is closed, expires: using it raises RuntimeError with USD's
own words (UsdPrimTypeInfo's "Accessed invalid expired 'Camera' prim </World/Camera>").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fakekit import gf
from fakekit.journal import API_NAMES, api

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

# Every use of a prim's handle goes by this name.
_PRIM_CALL = "Usd.Prim"
API_NAMES.add(_PRIM_CALL)

#: The types of prims that light a scene.
LIGHTS = frozenset(
    {"CylinderLight", "DiskLight", "DistantLight", "DomeLight", "RectLight", "SphereLight"}
)


class ArgumentError(TypeError):
    """Boost.Python.ArgumentError: what pxr raises for an expired stage."""


class Path:
    """Sdf.Path: an absolute prim path, or the empty path."""

    __slots__ = ("pathString",)

    def __init__(self, path: Path | str = "") -> None:
        text = str(path)
        self.pathString = text if Path.IsValidPathString(text) else ""

    @staticmethod
    def IsValidPathString(path: str) -> bool:
        if path == "/":
            return True
        return path.startswith("/") and all(map(_IDENTIFIER.match, path[1:].split("/")))

    @property
    def name(self) -> str:
        return self.pathString.rpartition("/")[2]

    @property
    def isEmpty(self) -> bool:
        return not self.pathString

    def GetParentPath(self) -> Path:
        parent = self.pathString.rpartition("/")[0]
        return Path(parent or ("/" if self.name else ""))

    def IsAbsolutePath(self) -> bool:
        return bool(self.pathString)

    def __str__(self) -> str:
        return self.pathString

    def __repr__(self) -> str:
        return f"Sdf.Path({self.pathString!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (Path, str)) and self.pathString == str(other)

    def __hash__(self) -> int:
        return hash((Path, self.pathString))

    def __bool__(self) -> bool:
        return bool(self.pathString)

    def __lt__(self, other: Path) -> bool:
        return self.pathString < other.pathString


class _Spec:
    """What a stage knows of a prim. A prim that is removed and defined anew gets a new one."""

    def __init__(self, path: str, type_name: str, is_active: bool = True) -> None:
        self.path = path
        self.type_name = type_name
        self.is_active = is_active
        self.is_expired = False
        self.children: dict[str, _Spec] = {}


class Prim:
    """Usd.Prim: a handle that may have expired, or never have been valid."""

    __slots__ = ("_stage", "_spec")

    def __init__(self, stage: Stage | None = None, spec: _Spec | None = None) -> None:
        self._stage = stage
        self._spec = spec

    @property
    def _kit(self) -> Any:
        return self._stage._kit if self._stage else None

    def __bool__(self) -> bool:
        return self._spec is not None and not self._spec.is_expired

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Prim) and self._spec is other._spec

    def __hash__(self) -> int:
        return hash(id(self._spec))

    def __repr__(self) -> str:
        if not self:
            return "invalid null prim" if self._spec is None else "invalid expired prim"
        return f"Usd.Prim(<{self._alive().path}>)"

    def IsValid(self) -> bool:
        return bool(self)

    def GetPath(self) -> Path:
        return Path(self._alive().path)

    GetPrimPath = GetPath

    def GetName(self) -> str:
        return Path(self._alive().path).name

    def GetTypeName(self) -> str:
        return self._alive().type_name

    def IsA(self, schema: type[Any]) -> bool:
        return bool(schema.holds(self._alive().type_name))

    def IsActive(self) -> bool:
        return self._alive().is_active

    def SetActive(self, active: bool) -> bool:
        self._alive().is_active = active
        return True

    def GetChildren(self) -> list[Prim]:
        return [Prim(self._stage, spec) for spec in self._alive().children.values()]

    def GetParent(self) -> Prim:
        return self._owner().GetPrimAtPath(Path(self._alive().path).GetParentPath())

    def GetStage(self) -> Stage:
        self._alive()
        return self._owner()

    def _owner(self) -> Stage:
        assert self._stage is not None
        return self._stage

    def _alive(self) -> _Spec:
        if self._spec is None:
            raise RuntimeError("Accessed invalid null prim")
        if self._spec.is_expired:
            message = f"Accessed invalid expired '{self._spec.type_name}' prim <{self._spec.path}>"
            raise RuntimeError(message)
        self._kit.journal.enter(_PRIM_CALL)
        return self._spec


class PrimRange:
    """Usd.PrimRange: a prim and all active prims below it, in depth-first order."""

    def __init__(self, root: Prim) -> None:
        self._prims = _walk(root)

    def __iter__(self) -> Iterator[Prim]:
        return self._prims

    @staticmethod
    def Stage(stage: Stage) -> PrimRange:
        return PrimRange(stage.GetPseudoRoot())


def _walk(prim: Prim) -> Iterator[Prim]:
    if prim.IsActive():
        yield prim
        for child in prim.GetChildren():
            yield from _walk(child)


class Stage:
    """Usd.Stage. Closing it expires the stage and its prims."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit
        self._specs: dict[str, _Spec] = {"/": _Spec("/", "")}
        self._is_expired = False

    def define(self, path: str, type_name: str) -> _Spec:
        """As DefinePrim(), for the fake itself."""
        if not Path(path) or path == "/":
            raise RuntimeError(f"Ill-formed SdfPath <{path}>")
        spec = self._specs.get(path)
        if spec is None:
            parent_path = str(Path(path).GetParentPath())
            parent = self._specs.get(parent_path) or self.define(parent_path, "")
            spec = self._specs[path] = parent.children[path] = _Spec(path, type_name)
        spec.type_name = type_name
        return spec

    def spec(self, path: str) -> _Spec | None:
        """What is at `path`, for the fake itself."""
        return self._specs.get(path)

    def remove(self, path: str) -> bool:
        """As RemovePrim(), for the fake itself."""
        spec = self._specs.pop(path, None)
        if spec is None:
            return False
        spec.is_expired = True
        for child in list(spec.children):
            self.remove(child)
        parent = self._specs.get(str(Path(path).GetParentPath()))
        if parent:
            del parent.children[path]
        return True

    def close(self) -> None:
        """Expires all prims, and the stage."""
        for spec in self._specs.values():
            spec.is_expired = True
        self._is_expired = True

    @property
    def has_light(self) -> bool:
        """Whether anything active lights the scene."""
        return any(s.type_name in LIGHTS and s.is_active for s in self._specs.values())

    @api("Usd.Stage.GetPrimAtPath")
    def GetPrimAtPath(self, path: Path | str) -> Prim:
        self._check_alive("GetPrimAtPath")
        if not isinstance(path, (Path, str)):
            raise ArgumentError(f"Stage.GetPrimAtPath(Stage, {type(path).__name__})")
        return Prim(self, self._specs.get(str(path)))

    @api("Usd.Stage.DefinePrim")
    def DefinePrim(self, path: Path | str, typeName: str = "") -> Prim:
        self._check_alive("DefinePrim")
        return Prim(self, self.define(str(path), typeName))

    @api("Usd.Stage.RemovePrim")
    def RemovePrim(self, path: Path | str) -> bool:
        self._check_alive("RemovePrim")
        return self.remove(str(path))

    @api("Usd.Stage.Traverse")
    def Traverse(self) -> Iterator[Prim]:
        self._check_alive("Traverse")
        prims = _walk(self.GetPseudoRoot())
        next(prims)  # the root itself is not part of it
        return prims

    @api("Usd.Stage.GetPseudoRoot")
    def GetPseudoRoot(self) -> Prim:
        self._check_alive("GetPseudoRoot")
        return Prim(self, self._specs["/"])

    def _check_alive(self, call: str) -> None:
        if self._is_expired:
            raise ArgumentError(
                f"Python argument types in\n    Stage.{call}(Stage, ...)\n"
                "did not match C++ signature: the stage has expired"
            )


class _Schema:
    """A schema class of UsdGeom: a typed view of a prim."""

    type_names: frozenset[str]

    def __init__(self, prim: Prim) -> None:
        if not isinstance(prim, Prim):
            raise ArgumentError(f"{type(self).__name__}({type(prim).__name__})")
        self._prim = prim

    @classmethod
    def holds(cls, type_name: str) -> bool:
        return type_name in cls.type_names

    @classmethod
    def Define(cls, stage: Stage, path: Path | str) -> Any:
        return cls(stage.DefinePrim(path, cls.__name__))

    @classmethod
    def Get(cls, stage: Stage, path: Path | str) -> Any:
        return cls(stage.GetPrimAtPath(path))

    def GetPrim(self) -> Prim:
        return self._prim

    def GetPath(self) -> Path:
        return self._prim.GetPath()

    def __bool__(self) -> bool:
        return bool(self._prim) and self.holds(self._prim.GetTypeName())


class Attribute:
    """Usd.Attribute, or UsdGeom.XformOp: keeps a value of one type."""

    def __init__(self, prim: Prim, value_type: type | tuple[type, ...]) -> None:
        self._prim = prim
        self._value_type = value_type
        self._value: Any = None

    def Set(self, value: Any) -> bool:
        self._prim.GetPath()  # raises for an expired one
        if not isinstance(value, self._value_type):
            raise TypeError(f"Type mismatch: {type(value).__name__}")
        self._value = value
        return True

    def Get(self) -> Any:
        return self._value


class _Xformable(_Schema):
    """What can be placed."""

    def AddTransformOp(self) -> Attribute:
        return Attribute(self._prim, gf.Matrix4d)


class Cube(_Xformable):
    """UsdGeom.Cube."""

    type_names = frozenset({"Cube"})


class DomeLight(_Xformable):
    """UsdLux.DomeLight."""

    type_names = frozenset({"DomeLight"})

    def CreateIntensityAttr(self, defaultValue: float | None = None) -> Attribute:
        attribute = Attribute(self._prim, (int, float))
        if defaultValue is not None:
            attribute.Set(defaultValue)
        return attribute


class Camera(_Xformable):
    """UsdGeom.Camera."""

    type_names = frozenset({"Camera"})


class Xform(_Xformable):
    """UsdGeom.Xform."""

    type_names = frozenset({"Xform"})


class Imageable(_Schema):
    """UsdGeom.Imageable."""

    @classmethod
    def holds(cls, type_name: str) -> bool:
        return bool(type_name)
