"""Finds out what is wrong with the machine, the descriptor and the models; mends what is safe."""
