"""Losses as modules: each calls the function of its name in `nn.functional`."""

from .classification import *
from .margins import *
from .regression import *
from .segmentation import *
