"""What stands around the deployed system and is never deployed itself."""
