"""LLVM's language, written instruction by instruction with the names that NumPy has."""
