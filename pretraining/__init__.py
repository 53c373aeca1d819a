"""How the shipped weights were made: pictures drawn by formulas, a network trained on them, a probe of its features."""
