"""Functions of layers and losses, as `torch.nn.functional`: layers call them, and so may you.

A function is the tensor's method where there is one; the first argument may be an array or a list.
"""

from .activations import *
from .adaptive import *
from .classification import *
from .convolution import *
from .distances import *
from .dropout import *
from .embedding import *
from .interpolation import *
from .linear import *
from .margins import *
from .normalization import *
from .pooling import *
from .regression import *
from .segmentation import *
from .shapes import *
