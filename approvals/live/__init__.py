"""The open inboxes: what each of them is told about a change."""
