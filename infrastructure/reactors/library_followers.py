"""Followers that are written for the eventsourcing library, opened on our log as they stand.

A follower is named as `module:Class`. The class is a `Projection` whose type argument is the class of its tracking
recorder, or an `EventSourcedProjection`. The library's own runner runs it, over the subscription and the tracking
recorder of `infrastructure.library_recorders`. It names the topics of the events that it wants: stored event names are
topics, for which it registers a class of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TypeAlias, get_args
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.persistence import InfrastructureFactory, Notification, Tracking, TrackingRecorder
from eventsourcing.projection import (
    BaseProjectionRunner,
    EventSourcedProjection,
    EventSourcedProjectionRunner,
    Projection,
    ProjectionRunner,
)
from eventsourcing.utils import Environment
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from infrastructure.library_recorders import recorders
from infrastructure.postgres.failures import ValueFreeError

_SETTINGS = {"DBNAME": "dbname", "HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}
AnyFollower: TypeAlias = type[Projection[TrackingRecorder]] | type[EventSourcedProjection[UUID]]


class FollowerUnusableError(ValueFreeError):
    """What was named is no follower that can run here; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFollower:
    """A follower that runs in threads of its own until it is closed. Blocking calls."""

    runner: BaseProjectionRunner[Application[UUID]]
    tracking: TrackingRecorder
    topics: tuple[str, ...]

    def error(self) -> BaseException | None:
        """Return the error by which it ended, if it did."""
        try:
            self.runner.run_forever(timeout=0)
        except BaseException as error:  # noqa: BLE001 - of the library's thread, told to whoever supervises it
            return error
        return None

    def reached(self) -> int:
        """Return the position of the last event that it processed; 0 before the first."""
        return self.tracking.max_tracking_id(self.runner.app_name) or 0

    def next(self, until: int) -> Notification | None:
        """Return the event that it processes next, up to a position."""
        recorder, reached = self.runner.app.recorder, self.reached()
        found = recorder.select_notifications(reached, 1, stop=until, topics=self.topics, inclusive_of_start=False)
        return found[0] if found else None

    def skip(self, position: int) -> None:
        """Pass over an event as if it had been processed."""
        self.tracking.insert_tracking(Tracking(self.runner.app_name, position))

    def close(self) -> None:
        self.runner.stop()
        self.runner.__exit__(None, None, None)


def open_follower(reference: str, url: str) -> OpenFollower:
    """Open a follower whose tables there are, and let it run."""
    env = {**_environment(url), "CREATE_TABLE": "n"}
    follower = _named(reference)
    runner: BaseProjectionRunner[Application[UUID]]
    tracking: TrackingRecorder
    if issubclass(follower, EventSourcedProjection):
        own = EventSourcedProjectionRunner(application_class=Application[UUID], projection_class=follower, env=env)
        runner, tracking = own, own.projection.recorder
    else:
        application, view = Application[UUID], _view_of(follower)
        viewing = ProjectionRunner(application_class=application, projection_class=follower, view_class=view, env=env)
        runner, tracking = viewing, viewing.view
    runner.__enter__()
    return OpenFollower(runner=runner, tracking=tracking, topics=tuple(follower.topics))


def make_tables(reference: str, url: str, role: str) -> None:
    """Make the tables of a follower as the owner of the database, for `role` to read and write.

    Raises FollowerUnusableError where the class is not there or is no follower.
    """
    follower = _named(reference)
    env = Environment(follower.name or follower.__name__, _environment(url))
    factory: InfrastructureFactory[TrackingRecorder] = InfrastructureFactory.construct(env)
    try:
        if issubclass(follower, EventSourcedProjection):
            factory.process_recorder()
        else:
            factory.tracking_recorder(_view_of(follower))
    finally:
        factory.close()
    with psycopg.connect(url, autocommit=True) as connection:
        schema, user = Identifier(recorders.SCHEMA), Identifier(role)
        connection.execute(SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, user))
        rights = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {} TO {}"
        connection.execute(SQL(rights).format(schema, user))


def _environment(url: str) -> Mapping[str, str]:
    where = conninfo_to_dict(url)
    given = {f"POSTGRES_{name}": str(where[part]) for name, part in _SETTINGS.items() if part in where}
    return {"PERSISTENCE_MODULE": recorders.__name__, "POSTGRES_PASSWORD": "", **given}


def _named(reference: str) -> AnyFollower:
    module, _, name = reference.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise FollowerUnusableError(f"{reference} cannot be imported") from error
    if not (isinstance(found, type) and issubclass(found, Projection | EventSourcedProjection)):  # both have topics
        raise FollowerUnusableError(f"{reference} is no Projection and no EventSourcedProjection")
    if not found.topics:
        raise FollowerUnusableError(f"{reference} names no topics: it would meet events that it does not know")
    return found


def _view_of(follower: AnyFollower) -> type[TrackingRecorder]:
    """Return the class of the tracking recorder: the type argument of `Projection`."""
    for base in getattr(follower, "__orig_bases__", ()):
        for argument in get_args(base):
            if isinstance(argument, type) and issubclass(argument, TrackingRecorder):
                return argument
    raise FollowerUnusableError(f"{follower.__name__} does not name its recorder, as in Projection[Recorder]")


Open: TypeAlias = Callable[[str, str], OpenFollower]
"""Opens a follower, by its name and the address of the database."""
