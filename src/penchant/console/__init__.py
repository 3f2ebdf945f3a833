"""The web console: server-rendered pages for people, which talk to the HTTP API and to nothing else."""
