"""Parts of the OpenAPI document: what is asked, what is answered, and in which JSON."""
