"""What Node.js programs import."""
