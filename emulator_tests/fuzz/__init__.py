"""Generated declarations and documents, and what has to hold for each of them."""
