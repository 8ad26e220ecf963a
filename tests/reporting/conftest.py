from tests.evaluation.conftest import make_recipe as make_recipe
