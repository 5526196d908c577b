"""The open inboxes: what is sent to each of them about a change."""
