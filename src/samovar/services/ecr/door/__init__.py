"""The registry's door `/v2/`: what docker, podman, skopeo and their like speak (OCI distribution specification)."""
