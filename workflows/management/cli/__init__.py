"""What commands share: input, waiting, safe output."""
