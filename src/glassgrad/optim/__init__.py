"""Optimizers: how parameters change by their gradients.

`optimizer.py` keeps what PyTorch's `Optimizer` keeps: groups, state, hooks.  `rule.py` turns two
pure functions, `init` and `update`, into an optimizer.  The rules themselves stand in `descent.py`,
`adaptive.py`, `adam.py` and `matrices.py`; `lbfgs.py` has a loop of its own.
"""

from . import lr_scheduler, swa_utils
from .adam import Adam, Adamax, AdamW, NAdam, RAdam
from .adaptive import Adadelta, Adagrad, RMSprop, Rprop
from .descent import ASGD, SGD
from .lbfgs import LBFGS
from .matrices import Adafactor, Muon
from .optimizer import Optimizer
from .rule import Rule

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "Rule",
    "lr_scheduler",
    "swa_utils",
]
