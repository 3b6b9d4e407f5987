"""What leaves the house as a document: workbooks, pictures."""
