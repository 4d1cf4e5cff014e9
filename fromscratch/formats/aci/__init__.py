"""App Container Images, as rkt takes them."""
