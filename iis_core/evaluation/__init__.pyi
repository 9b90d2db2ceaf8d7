from .evaluating import evaluate as evaluate
from .run_folder import Run as Run
from .run_folder import read_run as read_run
