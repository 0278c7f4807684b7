"""GraphQL: queries, mutations and subscriptions from the declared views, forms and patches.

graphql-core is imported by the modules here, except for `declared`: by the process that serves the
API, and if GraphQL is declared.
"""
