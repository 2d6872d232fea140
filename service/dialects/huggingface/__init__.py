"""Hugging Face Inference."""
