"""From YAML to objects: loading, recipes, the registry, the schema, building."""
