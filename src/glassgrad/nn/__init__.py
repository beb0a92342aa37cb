"""Layers, losses and what belongs to them: names, arguments and defaults are PyTorch's."""

from . import init
from .architecture import build, describe
from .checks import check
from .containers import ModuleDict, ModuleList, Sequential
from .linear import Identity, Linear
from .module import Module
from .parameter import Buffer, Parameter
