"""What things are: typed values and pure rules. No I/O, no framework; the present moment is always an argument."""
