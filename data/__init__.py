"""The data: MNIST (mnist.py), and synthetic digits that need no download (digits.py)."""
