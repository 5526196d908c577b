"""Code that commands share: input, waiting, safe output."""
