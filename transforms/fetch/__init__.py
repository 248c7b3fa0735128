"""Getting at inputs, and knowing them by their content."""
