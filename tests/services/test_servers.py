"""The servers of this tier answer, and end with all that they started."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from demo.services import answers
from deployment.servers import require_program, running_postgres, running_redis
from tests.services.conftest import programs_from_debian


def children_of(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def test_postgres_ends_whole_and_takes_its_data_along():
    with running_postgres() as server:
        group, folder = server.process.group, server.data
        started = [group, *children_of(group)]
        assert len(started) > 3
        assert folder.is_dir()
    assert [process for process in started if Path(f"/proc/{process}").exists()] == []
    assert not folder.exists()


def test_postgres_keeps_what_is_written(postgres):
    import sqlalchemy

    engine = sqlalchemy.create_engine(postgres.create_database("kept"))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE t AS SELECT 1 AS x"))
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT x FROM t")).scalar_one() == 1
    engine.dispose()


def test_two_redis_servers_do_not_meet():
    import redis

    with running_redis() as one, running_redis() as other:
        first, second = redis.Redis.from_url(one), redis.Redis.from_url(other)
        first.set("key", "value")
        assert (first.get("key"), second.get("key")) == (b"value", None)
        first.close()
        second.close()


def test_the_mlflow_server_is_healthy(mlflow_server):
    assert answers(f"{mlflow_server}/health")


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_program_fails_where_ci_runs_and_is_skipped_elsewhere(monkeypatch, ci, outcome):
    monkeypatch.setenv("CI", ci)
    told = "no-such-server is not installed: apt-get install some-package"
    with pytest.raises(outcome, match=told), programs_from_debian():
        require_program("no-such-server", "some-package")
    assert os.environ["CI"] == ci
