"""Pictures of networks, of calculations and of trainings."""

from .network import network
from .picture import Picture

__all__ = ["Picture", "network"]
