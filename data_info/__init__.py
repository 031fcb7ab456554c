"""What is known about the data: the catalogue of public files and tables with their sources."""
