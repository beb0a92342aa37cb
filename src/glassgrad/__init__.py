"""glassgrad: a neural-network framework that one can see through."""
