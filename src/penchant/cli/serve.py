"""`penchant serve`: the HTTP API and the console of one project, in one process."""

import errno
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.core.errors import ConfigError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from penchant.scenarios.project import Project

KEY_VARIABLE = "PENCHANT_KEY"
SHORT_KEY = 16  # characters; a shorter key is guessed sooner
GRACE_SECONDS = 20  # for requests that are under way when the server is told to stop
CONNECTIONS = 800  # open at once; below the 1,024 files that a process may usually have open
CONSOLE = "/console"
EVERYWHERE = ("", "0.0.0.0", "::")  # not names that a browser asks for


def register(app: typer.Typer) -> None:
    """Add `serve`."""
    app.command()(serve)


@dataclass(frozen=True)
class Address:
    """Where to listen, and who may ask."""

    host: str = "127.0.0.1"
    port: int = 8000
    key: str | None = field(default=None, repr=False)
    hosts: Sequence[str] = ()  # further host names that requests may come for


def serve(
    directory: Annotated[Path, typer.Option("--dir", help="The project's folder.")] = Path(),
    host: Annotated[str, typer.Option(help=f"Address to listen on; any but loopback needs {KEY_VARIABLE} to be set.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 8000,
    allow_host: Annotated[list[str] | None, typer.Option(help="A further host name to answer for; may be repeated.")] = None,
) -> None:
    """Serve the HTTP API and the console until SIGTERM or Ctrl-C.

    Without a key only this machine can ask. To serve others, set PENCHANT_KEY; every request must then show it.

    Example: penchant serve --dir shop --port 8000
    """
    # Answers are computed side by side: with more than one thread for each they would only take turns at the same cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from penchant.scenarios.project import Project

    project = Project.open(directory)
    try:
        run_server(project, Address(host, port, os.environ.get(KEY_VARIABLE) or None, tuple(allow_host or ())))
    finally:
        project.close()


def run_server(project: "Project", address: Address, *, announce: Callable[[str], None] = typer.echo) -> None:
    """Serve `project` until SIGTERM or Ctrl-C, then finish what is under way; `announce` gets one line once requests are taken.

    Raises ConfigError for an address without a key that others could reach, or a port that cannot be had.
    """
    import uvicorn

    from penchant.serving.protocol import Protocol

    check_address(address)
    _log_to_stderr()
    with listen(address) as listener:
        config = uvicorn.Config(
            build_site(project, address),
            http=Protocol,
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        place = f"http://{_in_url(address.host)}:{listener.getsockname()[1]}"
        announce(f"console: {place}{CONSOLE}/  ·  HTTP API: {place}/docs  ·  Ctrl-C stops")
        with _quiet_signals():
            uvicorn.Server(config).run(sockets=[listener])


def build_site(project: "Project", address: Address) -> "FastAPI":
    """The API with the console mounted at /console, where / leads."""
    from starlette.responses import RedirectResponse
    from starlette.routing import Route

    from penchant.console.app import create_console
    from penchant.serving.app import create_app

    hosts = address.hosts if address.host in EVERYWHERE else (*address.hosts, _in_url(address.host))
    hosts = () if address.key and not address.hosts else hosts  # with a key any name may lead here, unless some are named
    app = create_app(project, key=address.key, hosts=hosts, own_login=(CONSOLE,))
    for path in ("/", CONSOLE):
        app.router.routes.append(Route(path, lambda _: RedirectResponse(f"{CONSOLE}/", status_code=307)))
    app.mount(CONSOLE, create_console(app, key=address.key))
    return app


def check_address(address: Address) -> None:
    """Raises ConfigError where others could reach a server that has no key, or the key cannot be sent."""
    key = address.key
    if key is None:
        if not is_loopback(address.host):
            raise ConfigError(
                f"serve: {address.host} can be reached from other machines and there is no key; "
                f"set the environment variable {KEY_VARIABLE}, or leave --host at 127.0.0.1"
            )
    elif not key.isascii() or not key.isprintable() or key != key.strip():
        raise ConfigError(f"serve: {KEY_VARIABLE} must be printable ASCII without spaces around it, so that it fits into a header")
    elif len(key) < SHORT_KEY:
        logging.getLogger("penchant").warning("%s is short; make a long one, for example: openssl rand -hex 24", KEY_VARIABLE)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens at `host`. A name other than localhost counts as reachable."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def listen(address: Address) -> socket.socket:
    """A socket that listens at `address`. Raises ConfigError naming what to change."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=1024)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            where = f"port {address.port} of {address.host}"
            raise ConfigError(f"serve: {where} is taken; choose another with --port, or 0 for a free one") from None
        raise ConfigError(f"serve: cannot listen at {address.host} port {address.port}: {error.strerror}") from None


def _in_url(host: str) -> str:
    """The name to show in an address."""
    if host in EVERYWHERE:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


@contextmanager
def _quiet_signals() -> Iterator[None]:
    """The server stops on these signals itself and then sends them to itself again; here that ends the command in peace."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _log_to_stderr() -> None:
    """Our own lines from information on, everybody else's from warnings on: a client library's may hold ids."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", force=True)
    logging.getLogger("penchant").setLevel(logging.INFO)
