"""`bulkhead schema`: the JSON Schema of a stack file."""

import click

from infra.config.schema import stack_file_schema_text


@click.command()
def schema() -> None:
    """Print the JSON Schema of a whole stack file, byte for byte as it is committed."""
    click.echo(stack_file_schema_text().encode(), nl=False)
