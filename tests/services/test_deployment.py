"""The deployment of docker-compose.yaml, started as processes: a worker dies in it, and nothing is left of it."""

from __future__ import annotations

import psutil
import pytest
from rich.console import Console

from demo.services import SlackReceiver, stopping
from deployment.cluster import Cluster, running_cluster
from deployment.story import DeploymentStory
from tests.services.conftest import programs_from_debian

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def told() -> tuple[DeploymentStory, list[psutil.Process]]:
    """The story, and all processes that were there when it ended."""
    slack = SlackReceiver()
    with programs_from_debian(), stopping(slack), running_cluster(slack.connection) as cluster:
        story = DeploymentStory(cluster, slack, Console(width=140))
        story.tell()
        processes = [process for each in cluster.containers.values() for process in each.tree()]
    return story, processes


def test_every_claim_of_the_story_holds(told):
    story, _ = told
    assert [claim for held, claim in story.claims if not held] == []
    assert len(story.claims) >= 17


def test_no_process_and_no_folder_outlives_it(told):
    story, processes = told
    assert len(processes) > 10
    assert [process for process in processes if process.is_running()] == []
    assert not story.cluster.folder.exists()


def test_every_container_has_a_disk_of_its_own(told):
    cluster: Cluster = told[0].cluster
    assert {each.service.name for each in cluster.containers.values()} == set(cluster.services)
    homes = [each.home for each in cluster.containers.values()]
    assert not any(home in (other, *other.parents) for home in homes for other in homes if other is not home)
