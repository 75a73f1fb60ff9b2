"""The report: a campaign as one HTML file without scripts, network or other files."""
