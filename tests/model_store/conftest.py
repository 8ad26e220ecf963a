from tests.training.conftest import amae as amae
from tests.training.conftest import no_plot as no_plot
from tests.training.conftest import recipe as recipe
from tests.training.conftest import written_amae as written_amae
from tests.training.conftest import written_recipe as written_recipe
