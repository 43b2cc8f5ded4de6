"""What stands for other nodes while a graph is built: If, Loop, Scan, sequences, standard functions."""
