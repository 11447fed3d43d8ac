"""Arrays, frames and relations to numbers: what is true."""
