"""OpenAPI documents with AWS's extensions (Swagger 2.0 and OpenAPI 3.0, JSON and YAML), read and written.

`document` is the text and what all share, `rest` reads a REST API and `http` an HTTP API, `export` writes them.
"""
