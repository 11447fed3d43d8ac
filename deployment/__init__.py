"""The distributed deployment: docker-compose.yaml as processes of this machine, and a story that is told on them."""
