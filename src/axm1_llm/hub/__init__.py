"""Models from a hub: which files of a repository this host needs, their download, their place."""
