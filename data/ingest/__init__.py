"""Files in: from what a clerk has on the desk to typed rows, or a refusal that names the cell."""
