"""The Grafana dashboard: what its panels ask, and how they are put into a file that Grafana imports."""
