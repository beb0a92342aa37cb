"""Models as functions that need neither Python nor this package: `gg.export`.

program    graph, plan and kernels with the weights as constants
reading    the compiler's text, read again
meaning    what an instruction does, in C
prelude    types and functions of vectors
functions  kernels in C
c_file, llvm_file, header   the files
"""

from .model import ExportError, export

__all__ = ["ExportError", "export"]
