"""The data: MNIST (mnist.py) and drawn digits that need no download (digits.py)."""
