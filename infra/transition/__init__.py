"""How a platform gets from what is deployed to what shall be, without losing anything on the way. Pure."""
