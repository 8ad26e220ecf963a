"""Pages from templates: HTML in files, which takes every value as text and escapes it."""

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"


def render(template: Path, **values: object) -> str:
    """The page that a template makes of the values.

    template: a file; it may include what lies beside it, and what lies in TEMPLATES: the style.
    """
    import jinja2  # a stage that skips does without

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template.name).render(values)
