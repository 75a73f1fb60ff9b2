"""Write packages of Camtrap DP, the standard for exchanging camera-trap data."""
