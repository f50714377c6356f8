"""The task `labels`: leave-one-out retrieval by any field."""
