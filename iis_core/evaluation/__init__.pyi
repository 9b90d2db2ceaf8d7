from .evaluating import evaluate as evaluate
from .runs import Run as Run
from .runs import read_run as read_run
