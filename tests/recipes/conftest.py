"""What the tests of egs/fsd50k share."""

import pytest

from tests.helpers.fsd50k_recipe import Published


@pytest.fixture(scope="session")
def published_fsd50k(tmp_path_factory) -> Published:
    """Its files. Not to be changed."""
    return Published(tmp_path_factory.mktemp("fsd50k"))
