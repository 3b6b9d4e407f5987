"""What the product does by itself, without anybody asking."""
