"""What tests of the sampler share."""

from __future__ import annotations

import pytest

from tests.sampler.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return World()
