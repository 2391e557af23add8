"""Trained weights, as safetensors beside this file. For non-commercial use only: see the distribution's licence."""
