"""The process that downloads one model of the hub, describes it, and mends what it is published with."""
