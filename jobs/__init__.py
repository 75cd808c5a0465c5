"""When and where work runs. The only room that imports ray."""
