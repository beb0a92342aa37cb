"""The error that everything to do with model files raises."""


class FileError(OSError):
    """A file that cannot be read or written: a line that names it, what is wrong, what is right."""


class ArchitectureError(FileError):
    """A model that cannot be made again from its file alone; its tensors are there."""


class NoFileError(FileError, FileNotFoundError):
    """There is no such file."""


def reason(error: OSError) -> str:
    """What the system says, in lower case: `permission denied`."""
    return (error.strerror or str(error) or type(error).__name__).lower()
