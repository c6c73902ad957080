"""What builds leave behind and nothing needs any more: found, told and removed."""
