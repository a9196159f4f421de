# SPDX-License-Identifier: MIT
"""Why there is no picture, in a sentence that says what to do. Pure.

The sentences travel in the announcement: to the server's /status, its page, and the picture that
stands in for the missing one.
"""

from __future__ import annotations

import dataclasses

WARMING_UP = (
    "warming up: no frame from the renderer yet; the first start compiles shaders for minutes"
)
FIRST_VIEWER = "no frame yet: the first viewer starts the capture"
NO_UPDATE_YET = "the application has not updated yet: it is starting"
CLOSING = "the stage is being closed"
_CAMERAS_NAMED = 4


@dataclasses.dataclass(frozen=True)
class Facts:
    """What can be seen of the application and of one stream's source.

    `camera` is the prim's path, None for a viewport; `cameras` those that the stage has, as far as
    they are known; `is_empty`: its annotator has given nothing for too long.
    """

    is_renderer_enabled: bool = True
    no_replicator: str = ""
    has_stage: bool = True
    loading: tuple[int, int] | None = None
    camera: str | None = None
    has_camera: bool = True
    cameras: tuple[str, ...] = ()
    window: str | None = None
    has_viewport: bool = True
    is_viewport_updating: bool = True
    has_rendered: bool | None = True  #: None where nobody can say
    is_empty: bool = False
    missing_extensions: tuple[str, ...] = ()
    failure: str = ""  #: why nothing else is known of the application


def explain(facts: Facts) -> str:
    """What is missing; "" where nothing is."""
    if facts.failure:
        return facts.failure
    if not facts.is_renderer_enabled:
        return "the renderer is off: start without --/app/renderer/enabled=false"
    if facts.no_replicator:
        return facts.no_replicator
    if facts.loading:  # which may begin before there is one
        loaded, total = facts.loading
        return f"loading the stage: {loaded} of {total} files"
    if not facts.has_stage:
        return "no stage is open"
    return _explain_source(facts) or _explain_frames(facts)


def explain_black(mean: float) -> str:
    """Of a picture in which nothing can be seen; `mean` luma, 0 to 255."""
    return (
        f"the picture is black (mean luma {mean:.1f}): is there a light on the stage? headless"
        " starts without one; Create > Light > Dome Light adds it"
    )


def explain_silence(since: str) -> str:
    """The application does not update; `since` is a time of day."""
    return (
        f"the application has not updated since {since}: it loads, compiles, or steps without"
        " rendering (world.step(render=False))"
    )


def explain_failure(error: BaseException) -> str:
    """A capture that raised."""
    return f"the capture failed, and is tried again: {type(error).__name__}: {error}"


def explain_no_answer(error: BaseException) -> str:
    """A question to Kit that raised."""
    return f"Kit cannot say how it is, and is asked again: {type(error).__name__}: {error}"


def _explain_source(facts: Facts) -> str:
    if facts.camera is not None:
        return "" if facts.has_camera else _explain_camera(facts.camera, facts.cameras)
    if not facts.has_viewport:
        which = "viewport" if facts.window is None else f"viewport window {facts.window!r}"
        return (
            f"no {which} yet; an application without one can stream a camera:"
            " streams=NAME=/PATH/OF/CAMERA"
        )
    return "" if facts.is_viewport_updating else "the viewport's updates are switched off"


def _explain_camera(path: str, others: tuple[str, ...]) -> str:
    if not others:
        return f"no camera prim {path} on the stage"
    listed = ", ".join(others[:_CAMERAS_NAMED])
    more = f" and {len(others) - _CAMERAS_NAMED} more" if len(others) > _CAMERAS_NAMED else ""
    return f"no camera prim {path} on the stage; it has {listed}{more}"


def _explain_frames(facts: Facts) -> str:
    if facts.has_rendered is False:
        return WARMING_UP
    if facts.is_empty and facts.missing_extensions:
        names = " and ".join(facts.missing_extensions)
        flags = " ".join(f"--enable {name}" for name in facts.missing_extensions)
        return f"the annotator stays empty, because {names} is not enabled: start with {flags}"
    if facts.is_empty:
        return "the renderer runs, but its annotator stays empty; another way is being tried"
    return ""
