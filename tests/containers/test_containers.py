# SPDX-License-Identifier: MIT
"""The Compose files, run: from nothing to a picture, crashes, users, and nginx with passwords."""

from __future__ import annotations

import contextlib
import http.client
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import compose_files
import pytest
from engine import ISAAC_SIM, TARGETS, Engine, Project, run
from testlib import pictures
from testlib.certificates import Authority
from testlib.http import TIMEOUT_S, Address, Response, TlsAddress, fetch
from testlib.mjpeg import MultipartParser, Part, Viewer
from testlib.status import check_status
from testlib.waiting import wait_until
from testlib.websocket import Client

#: Containers start, and are started again, less promptly than processes.
START_S = 60.0
GROUP = 10001
RING_MODE, SOCKET_MODE = "640", "660"


def get(address: Address, path: str, **headers: str) -> Response:
    """One request."""
    return fetch(address, path, headers=headers)


def is_ready(address: Address) -> bool:
    """Whether a stream is live there; engines accept connections before headcam does."""
    with contextlib.suppress(OSError, AssertionError):
        return get(address, "/readyz").status == 200
    return False


def start(project: Project) -> None:
    """Starts a project, up to its first live stream."""
    project.up()
    try:
        wait_until(lambda: is_ready(project.address), START_S, "a stream is live")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{project.logs()}") from None


def stream(project: Project) -> Any:
    """The only stream's entry in /status."""
    response = get(project.address, "/status")
    (entry,) = check_status(response.json())["streams"]
    return entry


def watch_for_live(address: Address, path: str = "/stream") -> Viewer:
    """A viewer that has seen a live picture."""
    viewer = Viewer(address, path)
    viewer.next("live", timeout_s=START_S)
    return viewer


@pytest.fixture(scope="module")
def demo(make_project: Callable[..., Project]) -> Project:
    """The demo, running."""
    project = make_project(compose_files.DEMO)
    start(project)
    return project


@pytest.fixture
def viewers(demo: Project) -> Iterator[list[Viewer]]:
    """Three that watch the demo."""
    with contextlib.ExitStack() as ends:
        yield [ends.enter_context(watch_for_live(demo.address)) for _ in range(3)]


def assert_shared(project: Project, owner: int) -> None:
    """Frames go by a ring of this user's, which headcam's group reads, and nobody else."""
    with watch_for_live(project.address):
        wait_until(lambda: stream(project)["transport"] == "ring", what="frames go by the ring")
    listing = project.run_in("headcam", "stat", "-c", "%n %u %g %a", "/run/headcam/.").split()
    assert listing[1:] == [str(GROUP), str(GROUP), "1770"]
    files = project.run_in("headcam", "sh", "-c", "cd /run/headcam && stat -c '%n %u %g %a' *")
    found = sorted(tuple(line.split()) for line in files.splitlines())
    ring, socket = found
    assert ring[0].endswith(".ring") and ring[1:] == (str(owner), str(GROUP), RING_MODE)
    assert socket == ("ingest.sock", str(GROUP), str(GROUP), SOCKET_MODE)


def assert_confined(project: Project, service: str, user: int) -> None:
    """No right that it does not need: seen from inside."""
    status = project.run_in(service, "cat", "/proc/1/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    assert set(fields["Uid"].split()) == {str(user)}
    sets = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    assert {int(fields[name], 16) for name in sets} == {0}
    assert fields["NoNewPrivs"] == "1"
    root = project.run_in(service, "cat", "/proc/1/mounts").splitlines()
    (options,) = [line.split()[3] for line in root if line.split()[1] == "/"]
    assert "ro" in options.split(",")
    # Not even root may write there.
    with pytest.raises(AssertionError, match="Read-only file system"):
        project.run_in(service, "touch", "/usr/local/bin/x", user="0")


def assert_healthy(project: Project, service: str, test: list[str]) -> None:
    """The health check of a Compose file says so."""
    command = test[1:] if test[0] == "CMD" else ["sh", "-c", test[1]]
    project.run_in(service, *command)


def test_the_demo_goes_from_nothing_to_a_picture(demo: Project) -> None:
    snapshot = get(demo.address, "/snapshot")
    assert snapshot.status == 200
    assert pictures.size(snapshot.body) == (1280, 720)
    later = get(demo.address, "/snapshot")
    first, second = pictures.code_of(snapshot.body), pictures.code_of(later.body)
    assert first and second and second.frame > first.frame
    assert b"<title>" in get(demo.address, "/").body
    assert_shared(demo, owner=1234)


def test_each_container_of_the_demo_is_confined_and_healthy(demo: Project) -> None:
    for service, file, user in (
        ("headcam", compose_files.COMPOSE, GROUP),
        ("agent", compose_files.DEMO, 1234),
    ):
        assert_confined(demo, service, user)
        settings = compose_files.load(file)["services"][service]
        assert_healthy(demo, service, settings["healthcheck"]["test"])


def test_viewers_stay_through_a_crash_of_the_agent(demo: Project, viewers: list[Viewer]) -> None:
    """The same connections go on with pictures of the next process."""
    before = stream(demo)["agent"]["instance"]
    demo.kill("agent")
    for viewer in viewers:
        viewer.skip()

    def is_next() -> bool:
        entry = stream(demo)
        return bool(entry["state"] == "live" and entry["agent"]["instance"] != before)

    wait_until(is_next, START_S, "the next agent's stream is live")
    for viewer in viewers:
        viewer.skip().next("live", timeout_s=START_S)
        viewer.check()


def test_pictures_go_on_after_a_crash_of_headcam(demo: Project, viewers: list[Viewer]) -> None:
    """Its connections are gone; who comes again, as browsers do, is served by the same agent."""
    instance = stream(demo)["agent"]["instance"]
    started = demo.container("agent")["State"]["StartedAt"]
    demo.kill("headcam")
    for viewer in viewers:
        viewer.wait_closed()
    wait_until(lambda: is_ready(demo.address), START_S, "the stream is live again")
    with contextlib.ExitStack() as ends:
        for _ in viewers:
            viewer = ends.enter_context(watch_for_live(demo.address))
            viewer.wait_more(5)
            viewer.check()
    assert stream(demo)["agent"]["instance"] == instance
    assert demo.container("agent")["State"]["StartedAt"] == started
    assert_shared(demo, owner=1234)


CACHES = ("kit", "ov", "glcache", "main", "computecache")


@pytest.mark.parametrize(
    "profile, service, user", [("isaac-2023", "isaac-sim-2023", 0), ("isaac-5", "isaac-sim", 1234)]
)
def test_isaac_sim_shares_socket_and_ring_whichever_its_user(
    make_project: Callable[..., Project],
    tmp_path: pathlib.Path,
    profile: str,
    service: str,
    user: int,
) -> None:
    """With the fake Kit in its image; the agent is what is mounted."""
    for name in (*(f"cache/{name}" for name in CACHES), "logs", "config", "data", "pkg"):
        (tmp_path / name).mkdir(parents=True)
    project = make_project(
        compose_files.COMPOSE, profile=profile, variables={"ISAAC_SIM_DATA": str(tmp_path)}
    )
    start(project)
    assert stream(project)["name"] == "viewport"
    with watch_for_live(project.address) as viewer:
        viewer.wait_more(5)
    assert_shared(project, owner=user)
    test = compose_files.load(compose_files.COMPOSE)["services"][service]["healthcheck"]["test"]
    assert_healthy(project, service, test)
    project.down()


def test_the_pod_of_kubernetes_gets_its_agent_from_the_image(
    engine: Engine, tmp_path: pathlib.Path
) -> None:
    """What its init container does, and the extension in Isaac Sim with what that left."""
    pod = compose_files.simulator_pod()
    (init,) = pod["initContainers"]
    isaac_sim = next(one for one in pod["containers"] if one["name"] == "isaac-sim")
    (mount,) = init["volumeMounts"]
    rights, group = init["securityContext"], pod["securityContext"]["fsGroup"]
    user = ("--user", f"{rights['runAsUser']}:{rights['runAsGroup']}")
    agent = tmp_path / "agent"  # as Kubernetes makes it for a pod's group
    agent.mkdir()
    os.chown(agent, 0, group)
    agent.chmod(0o2775)
    volume = f"{agent}:{mount['mountPath']}"
    confined = ("--read-only", "--cap-drop", "ALL", *user, "--volume", volume)
    with engine.running(TARGETS["server"], init["command"], *confined) as copying:
        wait_until(copying.has_ended, START_S, "the agent is copied")
        assert copying.output() == ""
    flags = (*user, "--volume", f"{volume}:ro")
    command = [*isaac_sim["command"], *isaac_sim["args"]]
    with engine.running(ISAAC_SIM, command, *flags) as app:
        wait_until(lambda: "viewport in Isaac-Sim" in app.output(), START_S, "the extension")


def proxied_parts(
    address: TlsAddress, path: str, headers: dict[str, str], count: int
) -> list[Part]:
    """The first parts of a stream; a proxy may send it in chunks."""
    connection = http.client.HTTPSConnection(address.host, address.port, context=address.context)
    with contextlib.closing(connection):
        connection.timeout = TIMEOUT_S
        connection.request("GET", path, headers=headers)
        body, parser, parts = connection.getresponse(), MultipartParser(), []
        while len(parts) < count:
            data = body.read1()
            assert data, "the stream ended"
            parts += parser.feed(data)
        return parts


@pytest.fixture(scope="module")
def proxy(
    engine: Engine,
    make_project: Callable[..., Project],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Project, TlsAddress, str]:
    """The demo behind nginx, with a token."""
    project = make_project(
        compose_files.DEMO,
        compose_files.PROXY,
        variables={"HEADCAM_AUTH_FILE": "/etc/headcam/auth", "HEADCAM_AGENT_USER": f"0:{GROUP}"},
    )
    certificate = Authority(tmp_path_factory.mktemp("authority")).issue("camera")
    token = "a token of a test, which is long enough"
    image = engine.inspect("image", "headcam-test")
    assert image["Config"]["User"] == f"{GROUP}:{GROUP}"
    digest = run("sha256sum", "-b", "/dev/stdin", input=token).split()[0]
    auth = project.etc / "auth"
    auth.write_text(f"token test {digest}\n")
    shutil.copy(certificate.path, project.etc / "chain.pem")
    shutil.copy(certificate.key_path, project.etc / "key.pem")
    for name, mode in (("auth", 0o400), ("key.pem", 0o640), ("chain.pem", 0o644)):
        os.chown(project.etc / name, GROUP, GROUP)
        (project.etc / name).chmod(mode)
    project.up()
    address = TlsAddress("127.0.0.1", project.tls_port, certificate.context())
    return project, address, token


def test_nginx_serves_all_of_it_with_tls_to_those_who_have_a_token(
    proxy: tuple[Project, TlsAddress, str],
) -> None:
    """With an agent that is root, too."""
    project, address, token = proxy
    login = {"Authorization": f"Bearer {token}"}

    def is_live() -> bool:
        with contextlib.suppress(OSError):
            return get(address, "/cam/readyz", **login).status == 200
        return False

    wait_until(is_live, START_S, "nginx serves a live stream")
    assert get(address, "/cam/snapshot").status == 401
    assert get(project.address, "/snapshot").status == 401
    snapshot = get(address, "/cam/snapshot", **login)
    assert snapshot.status == 200 and pictures.code_of(snapshot.body)
    assert [part.state for part in proxied_parts(address, "/cam/stream", login, 5)][-1] == "live"
    with Client(address, "/cam/ws", f"Authorization: Bearer {token}") as client:
        assert client.picture(lambda picture: picture.state == "live")
    assert_confined(project, "proxy", 10002)
    test = compose_files.load(compose_files.PROXY)["services"]["proxy"]["healthcheck"]["test"]
    assert_healthy(project, "proxy", test)
