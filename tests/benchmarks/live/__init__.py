"""Many open inboxes beside people who decide: what deciding, showing and each page cost."""
