"""What the vLLM image gets beside its packages: empty CUDA libraries and two tiny models."""
