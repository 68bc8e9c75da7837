"""The pages of docs/reference, each made from the code it describes, so that none can go stale unseen."""
