"""Images that lie on this machine: layouts, archives, and the layers in them."""
