"""What this repository's hw1.py promises beyond the homework."""
