"""The model behind ``bedrock-runtime``: scripted, or another server's, in the words of Bedrock's Converse API."""
