"""Small copies of the graphs that exporters write, one file a family."""
